import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

const root = join(tmpdir(), "imap-to-m365-servers");
const POLICY_FILE = "/usr/sbin/policy-rc.d";
const APT_OPTIONS = ["-qq", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"];

/** A server unpacked beside the system, since Debian's IMAP server packages exclude each other. */
export interface Unpacked {
  /** Takes the place of `/` in the paths of the packages. */
  readonly directory: string;
  readonly version: string;
  /** Directories for LD_LIBRARY_PATH. */
  readonly libraryPath: string;
}

interface Recipe {
  readonly packages: readonly string[];
  /** Programs the unpacked packages need beside their libraries. */
  readonly tools: readonly string[];
}

const recipes = {
  cyrus: {
    packages: ["cyrus-imapd", "cyrus-common"],
    tools: ["openssl", "sasl2-bin", "libsasl2-modules-db"],
  },
  courier: {
    packages: [
      "courier-imap",
      "courier-base",
      "courier-authdaemon",
      "courier-authlib",
      "courier-authlib-userdb",
      "gamin",
      "libgamin0",
    ],
    tools: ["openssl", "gnutls-bin", "perl"],
  },
} satisfies Record<string, Recipe>;

/**
 * Installs what the three real IMAP servers need, as far as it is missing. Repeatable, and safe in
 * several processes at once.
 *
 * @throws Error when something is missing and this is not root on a machine with apt
 */
export async function ensureServersInstalled(): Promise<void> {
  await ensureDovecot();
  await ensureCyrus();
  await ensureCourier();
}

/** Installs Dovecot, and gives its version. */
export async function ensureDovecot(): Promise<string> {
  if (!existsSync("/usr/sbin/dovecot")) {
    await withInstallLock(async () => {
      if (!existsSync("/usr/sbin/dovecot")) await aptInstall(["dovecot-imapd", "openssl"]);
    });
  }
  return (await run("/usr/sbin/dovecot", ["--version"])).stdout.trim();
}

/** Unpacks Cyrus, and makes the account that it runs as. */
export async function ensureCyrus(): Promise<Unpacked> {
  const unpacked = await ensureUnpacked("cyrus", recipes.cyrus);
  await run("id", ["cyrus"]).catch(() =>
    withInstallLock(() =>
      run("sh", ["-c", "id cyrus || useradd -r -M -d / -s /usr/sbin/nologin -g mail cyrus"]),
    ),
  );
  return unpacked;
}

/** Unpacks Courier. */
export async function ensureCourier(): Promise<Unpacked> {
  return await ensureUnpacked("courier", recipes.courier);
}

async function ensureUnpacked(name: string, recipe: Recipe): Promise<Unpacked> {
  const directory = join(root, name);
  const versionFile = join(directory, "version");
  if (!existsSync(versionFile)) {
    await withInstallLock(async () => {
      if (!existsSync(versionFile)) await unpack(directory, recipe);
    });
  }
  const libraries = join(directory, "usr", "lib");
  const architectures = (await readdir(libraries)).filter((entry) => entry.endsWith("-linux-gnu"));
  return {
    directory,
    version: await readFile(versionFile, "utf8"),
    libraryPath: [libraries, ...architectures.map((entry) => join(libraries, entry))].join(":"),
  };
}

async function unpack(directory: string, recipe: Recipe): Promise<void> {
  const building = `${directory}.${process.pid}`;
  const archives = join(building, "archives");
  await mkdir(archives, { recursive: true });
  try {
    await requireApt();
    await aptUpdate();
    await run("apt-get", ["-qq", "download", ...recipe.packages], { cwd: archives });
    const libraries = new Set<string>();
    let version = "";
    for (const archive of await readdir(archives)) {
      const path = join(archives, archive);
      await run("dpkg-deb", ["-x", path, building]);
      for (const library of await librariesOf(path)) libraries.add(library);
      if (archive.startsWith(`${recipe.packages[0]}_`)) version = await controlField(path, "Version");
    }
    const wanted = [...libraries].filter((library) => !recipe.packages.includes(library));
    await aptInstall([...wanted, ...recipe.tools]);
    await rm(archives, { recursive: true });
    await writeFile(join(building, "version"), version);
    await rm(directory, { recursive: true, force: true });
    await rename(building, directory);
  } finally {
    await rm(building, { recursive: true, force: true });
  }
}

/** The shared libraries among a package's dependencies; libclamav is large and only a tool's. */
async function librariesOf(archive: string): Promise<string[]> {
  const depends = await controlField(archive, "Depends");
  return depends
    .split(",")
    .map((dependency) => dependency.trim().split(/[\s:|(]/, 1)[0] ?? "")
    .filter((name) => /^(lib|zlib)/.test(name) && !name.startsWith("libclamav"));
}

async function controlField(archive: string, field: string): Promise<string> {
  return (await run("dpkg-deb", ["-f", archive, field])).stdout.trim();
}

let packageLists: Promise<unknown> | undefined;

async function aptUpdate(): Promise<void> {
  packageLists ??= run("apt-get", ["-qq", "-o", "DPkg::Lock::Timeout=300", "update"]);
  await packageLists;
}

async function aptInstall(packages: readonly string[]): Promise<void> {
  await requireApt();
  await aptUpdate();
  // A package must not start its service: it would take the standard ports.
  const ownPolicy = !existsSync(POLICY_FILE);
  if (ownPolicy) await writeFile(POLICY_FILE, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    await run("apt-get", ["install", ...APT_OPTIONS, ...packages], {
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
      maxBuffer: 64 * 1024 * 1024,
    });
  } finally {
    if (ownPolicy) await rm(POLICY_FILE, { force: true });
  }
}

async function requireApt(): Promise<void> {
  if (!existsSync("/usr/bin/apt-get")) {
    throw new Error(
      "The tests run real IMAP servers from Debian's packages, and this machine has no apt-get.",
    );
  }
  requireRoot();
}

/** @throws Error unless this process runs as root: the servers change to accounts of their own. */
export function requireRoot(): void {
  if (process.getuid?.() !== 0) {
    throw new Error("The tests install and run real IMAP servers, which needs root: run them as root.");
  }
}

/** Runs `action` while no other process on this machine does; a process that dies gives the lock back. */
async function withInstallLock<T>(action: () => Promise<T>): Promise<T> {
  await mkdir(root, { recursive: true });
  const holder = spawn("flock", [join(root, "install.lock"), "sh", "-c", "echo locked; read -r _"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await new Promise<void>((resolve, reject) => {
    holder.stdout.once("data", () => resolve());
    holder.once("error", reject);
    holder.once("exit", () => reject(new Error("flock ended without giving the installation lock")));
  });
  try {
    return await action();
  } finally {
    holder.stdin.end();
  }
}
