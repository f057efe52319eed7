# Reads messages with MIME-tools, the parser of Debian's mail filters: JSON of every file of a directory, by name.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use Encode qw(decode);
use JSON::PP;
use Mail::Address;
use MIME::Parser;
use MIME::WordDecoder;

my %readings;
for my $path (sort glob("$ARGV[0]/*.eml")) {
    my ($name) = $path =~ m{([^/]+)\.eml$};
    my $parser = MIME::Parser->new;
    $parser->output_to_core(1);
    $parser->extract_nested_messages(0);
    $parser->extract_uuencode(1);
    my $entity = eval { $parser->parse_open($path) } or next;
    my (@texts, @files);
    for my $part (leaves($entity)) {
        my $body = $part->bodyhandle;
        my $content = defined $body ? $body->as_string : '';
        my $file = $part->head->recommended_filename;
        if ($part->effective_type eq 'message/rfc822') {
            my ($subject) = $content =~ /^Subject: (.*?)\r?$/m;
            push @files, [text(($subject // '') . '.eml'), digest($content)];
        }
        elsif ($part->effective_type =~ m{^text/} && !defined $file) {
            my $charset = $part->head->mime_attr('content-type.charset') // 'utf-8';
            push @texts, eval { decode($charset, $content) } // decode('utf-8', $content);
        }
        else { push @files, [text($file // ''), digest($content)]; }
    }
    my ($from) = eval { Mail::Address->parse(words($entity->head->get('From', 0))) };
    $readings{$name} = {
        subject => words($entity->head->get('Subject', 0)),
        from => [$from ? ($from->phrase || '') =~ s/^"|"$//gr : '', $from ? $from->address // '' : ''],
        text => join("\n", @texts),
        files => \@files,
    };
}
print JSON::PP->new->utf8->canonical->encode(\%readings);

sub leaves {
    my ($entity) = @_;
    my @parts = $entity->parts;
    return @parts ? map { leaves($_) } @parts : ($entity);
}

sub words {
    my ($value) = @_;
    return '' unless defined $value;
    $value =~ s/\r?\n(?=[ \t])//g;
    $value =~ s/\s+$//;
    return text(eval { decode('MIME-Header', $value) } // $value);
}

sub text {
    my ($value) = @_;
    return utf8::is_utf8($value) ? $value : eval { decode('utf-8', "$value", Encode::FB_CROAK) } // decode('iso-8859-1', "$value");
}

sub digest {
    my ($content) = @_;
    $content =~ s/\r\n/\n/g;
    $content =~ s/\n+$//;
    utf8::encode($content) if utf8::is_utf8($content);
    return sha256_hex($content);
}
