/** Scripts run as Redis runs them: the same Lua, in an interpreter (fengari), with `redis.call` on a server's keys. */

import { createHash } from "node:crypto";
import fengari from "fengari";
import { type Answer, Refusal, Status } from "./resp.ts";

const { lua, lauxlib, lualib, to_luastring: luaText } = fengari;

/** Does a command of a script. */
export type Call = (words: readonly string[]) => Answer;

/** See the module. */
export class Scripts {
  readonly #state = lauxlib.luaL_newstate();
  readonly #sources = new Map<string, string>();
  #call: Call = () => null;

  constructor() {
    lualib.luaL_openlibs(this.#state);
    this.#define();
  }

  /** Remembers a script; answers the digest that it is called by. */
  load(source: string): string {
    const sha = createHash("sha1").update(source, "latin1").digest("hex");
    if (this.#sources.has(sha)) return sha;
    const body = source.replace(/^#!.*/, "");
    const status = lauxlib.luaL_loadstring(this.#state, bytesOf(`local KEYS, ARGV = ... ${body}`));
    if (status !== lua.LUA_OK) throw new Error(`Cannot compile a script: ${this.#popText()}`);
    lua.lua_setglobal(this.#state, luaText(sha));
    this.#sources.set(sha, source);
    return sha;
  }

  has(sha: string): boolean {
    return this.#sources.has(sha);
  }

  /** Forgets all scripts, as a restart does. */
  flush(): void {
    this.#sources.clear();
  }

  /** Runs a script; it answers, or refuses. */
  run(sha: string, keys: readonly string[], args: readonly string[], call: Call): Answer {
    const L = this.#state;
    this.#call = call;
    lua.lua_getglobal(L, luaText(sha));
    for (const list of [keys, args]) this.#pushList(list);
    if (lua.lua_pcall(L, 2, 1, 0) !== lua.LUA_OK) return new Refusal(`ERR ${this.#popText()}`);
    const answer = this.#toAnswer(-1);
    lua.lua_settop(L, 0);
    return answer;
  }

  #define(): void {
    const L = this.#state;
    lua.lua_newtable(L);
    this.#function("call", () => {
      const words = Array.from({ length: lua.lua_gettop(L) }, (_, index) => this.#textAt(index + 1));
      const answer = this.#call(words);
      if (answer instanceof Refusal) return lauxlib.luaL_error(L, luaText(answer.message));
      this.#push(answer);
      return 1;
    });
    this.#function("error_reply", () => {
      const message = this.#textAt(1);
      lua.lua_newtable(L);
      lua.lua_pushstring(L, bytesOf(message));
      lua.lua_setfield(L, -2, luaText("err"));
      return 1;
    });
    this.#function("acl_check_cmd", () => {
      lua.lua_pushboolean(L, true);
      return 1;
    });
    lua.lua_setglobal(L, luaText("redis"));
    // Redis has Lua 5.1.
    lauxlib.luaL_dostring(L, luaText("unpack = table.unpack"));
  }

  #function(name: string, work: () => number): void {
    lua.lua_pushcfunction(this.#state, work);
    lua.lua_setfield(this.#state, -2, luaText(name));
  }

  #pushList(list: readonly Answer[]): void {
    const L = this.#state;
    lua.lua_createtable(L, list.length, 0);
    list.forEach((each, index) => {
      this.#push(each);
      lua.lua_rawseti(L, -2, index + 1);
    });
  }

  /** As Redis converts replies: nothing is false, a status is a table. */
  #push(answer: Answer): void {
    const L = this.#state;
    if (answer === null) lua.lua_pushboolean(L, false);
    else if (typeof answer === "number") lua.lua_pushnumber(L, answer);
    else if (typeof answer === "string") lua.lua_pushstring(L, bytesOf(answer));
    else if (answer instanceof Status) {
      lua.lua_newtable(L);
      lua.lua_pushstring(L, bytesOf(answer.text));
      lua.lua_setfield(L, -2, luaText("ok"));
    } else if (answer instanceof Map) this.#pushList([...answer].flat());
    else this.#pushList(answer as readonly Answer[]);
  }

  #toAnswer(index: number): Answer {
    const L = this.#state;
    switch (lua.lua_type(L, index)) {
      case lua.LUA_TSTRING:
        return this.#textAt(index);
      case lua.LUA_TNUMBER:
        return Math.trunc(lua.lua_tonumber(L, index));
      case lua.LUA_TTABLE:
        return this.#tableToAnswer();
      default:
        return null;
    }
  }

  #tableToAnswer(): Answer {
    const L = this.#state;
    if (lua.lua_getfield(L, -1, luaText("err")) === lua.LUA_TSTRING) return new Refusal(this.#textAt(-1));
    lua.lua_pop(L, 1);
    return Array.from({ length: lua.lua_rawlen(L, -1) }, (_, index) => {
      lua.lua_rawgeti(L, -1, index + 1);
      const answer = this.#toAnswer(-1);
      lua.lua_pop(L, 1);
      return answer;
    });
  }

  #textAt(index: number): string {
    return String.fromCharCode(...lua.lua_tostring(this.#state, index) ?? []);
  }

  #popText(): string {
    const text = this.#textAt(-1);
    lua.lua_settop(this.#state, 0);
    return text;
  }
}

/** Text of one char per byte. */
function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}
