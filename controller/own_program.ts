/**
 * How this program starts itself again, for a sandbox of its own process: `deno run` as a rule; in an executable that
 * `deno compile` made, the executable once more, with a role in its environment.
 */

/** What the executable does when it finds this variable: see {@linkcode Role}. */
export const ROLE_VARIABLE = "SLUICE_ROLE";
/** Tests have no runtime to compile with: they say here which program stands for the executable. */
const STAND_IN_VARIABLE = "SLUICE_STAND_IN";

/** What a process of this program may be besides a command line. */
export type Role = "sandbox";

/** Whether everything is in one file, and there is no `deno` to be had. */
export function isExecutable(): boolean {
  return Deno.build.standalone || standIn() !== undefined;
}

function standIn(): string | undefined {
  // A processor's child may not ask.
  return Deno.permissions.querySync({ name: "env", variable: STAND_IN_VARIABLE }).state === "granted"
    ? Deno.env.get(STAND_IN_VARIABLE)
    : undefined;
}

/** A program with its arguments, and what is to be in its environment besides. */
export interface OwnProgram {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** How to start the module at `entry`, which an executable knows as `role`, without any permission. */
export function ownProgram(role: Role, entry: URL, flags: readonly string[]): OwnProgram {
  if (isExecutable()) return { command: standIn() ?? Deno.execPath(), args: [], env: { [ROLE_VARIABLE]: role } };
  const args = ["run", "--quiet", "--no-prompt", ownOriginOnly(entry), "--no-npm", "--cached-only", "--no-lock"];
  return { command: Deno.execPath(), args: [...args, ...flags, entry.href], env: {} };
}

/** What keeps the modules of a program to where `entry` came from: to files, or to the place that Sluice was loaded from. */
export function ownOriginOnly(entry: URL): string {
  return entry.protocol === "file:" ? "--no-remote" : `--allow-import=${entry.host}`;
}

const PERMISSIONS: readonly Deno.PermissionName[] = ["read", "write", "net", "env", "sys", "run", "ffi"];

/** Gives up every permission: an executable has those of its command line. */
export function revokeAll(): void {
  for (const name of PERMISSIONS) Deno.permissions.revokeSync({ name });
}
