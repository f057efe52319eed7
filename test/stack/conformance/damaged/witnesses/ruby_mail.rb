# Reads messages with Ruby's Mail, the parser of Rails and of Redmine: JSON of every file of a directory, by name.
require 'digest'
require 'json'
require 'mail'

def text(value)
  value.to_s.encode('UTF-8', invalid: :replace, undef: :replace).scrub
end

def digest(content)
  Digest::SHA256.hexdigest(content.b.gsub("\r\n".b, "\n".b).sub(/\n+\z/n, ''.b))
end

def attempt(otherwise)
  yield
rescue StandardError
  otherwise # The library raises on some damage; then it has no reading.
end

def leaves(part)
  part.parts.empty? ? [part] : part.parts.flat_map { |one| leaves(one) }
end

def reading(path)
  mail = Mail.read(path)
  texts = []
  files = []
  leaves(mail).each do |part|
    if part.mime_type == 'message/rfc822'
      content = part.body.decoded
      files << ["#{text(attempt('') { Mail.new(content).subject })}.eml", digest(content)]
    elsif part.attachment? || !part.mime_type.to_s.match?(%r{\A(?:text/|multipart/|\z)})
      files << [text(attempt('') { part.filename }), digest(attempt('') { part.body.decoded })]
    else
      texts << text(attempt('') { part.decoded })
    end
  end
  address = attempt(nil) { mail[:from].addrs.first }
  { subject: text(attempt('') { mail.subject }),
    from: [text(attempt('') { address&.display_name }), text(attempt('') { address&.address })],
    text: texts.join("\n"),
    files: files }
end

readings = {}
Dir.glob("#{ARGV[0]}/*.eml").sort.each do |path|
  readings[File.basename(path, '.eml')] = attempt(nil) { reading(path) }
end
puts JSON.generate(readings.compact)
