import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { spool } from "../../../shared/adapters/spool.ts";

describe("a spooled stream", () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "graph-spool-"));
    vi.stubEnv("TMPDIR", directory);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(directory, { recursive: true });
  });

  it("is read in any order, from a file without a name", async () => {
    const spooled = await spool(async () => Readable.from([Buffer.from("abc"), Buffer.from("defg")]), 7);
    expect(await readdir(directory)).toEqual([]);
    expect(String(await spooled?.read(4, 99))).toBe("efg");
    expect(String(await spooled?.read(2, 4))).toBe("cd");
    expect(spooled?.size).toBe(7);
    await spooled?.dispose();
    await spooled?.dispose();
  });

  it("is given up where it is too long, and where the stream breaks", async () => {
    expect(
      await spool(async () => Readable.from([Buffer.from("abcd"), Buffer.from("e")]), 4),
    ).toBeUndefined();
    const broken = new Readable({ read: () => broken.destroy(new Error("broken")) });
    await expect(spool(async () => broken, 4)).rejects.toThrow("broken");
    expect(await readdir(directory)).toEqual([]);
  });

  it("opens no stream where no file can be made", async () => {
    vi.stubEnv("TMPDIR", join(directory, "nowhere"));
    const open = vi.fn(async () => Readable.from([]));
    await expect(spool(open, 4)).rejects.toThrow("ENOENT");
    expect(open).not.toHaveBeenCalled();
  });

  it.skipIf(process.platform === "win32")(
    "is not taken for whole where the disk ends in its midst",
    async () => {
      const file = new URL("../../../shared/adapters/spool.ts", import.meta.url).href;
      const program = `
      import { Readable } from "node:stream";
import { promisify } from "node:util";
      import { openContent } from ${JSON.stringify(file)};
      const content = async () => Readable.from([Buffer.alloc(20_000), Buffer.alloc(120_000)]);
      await openContent(content, 1_000_000).then(
        ({ size }) => console.log("kept", size),
        ({ kind, code }) => console.log(kind, code),
      );`;
      // Blocks of 512 or 1,024 bytes.
      const { stdout } = await promisify(execFile)("sh", [
        "-c",
        'ulimit -f 100; exec "$0" --input-type=module --eval "$1"',
        process.execPath,
        program,
      ]);
      expect(stdout.trim()).toBe("transient SpoolFailed");
    },
  );
});
