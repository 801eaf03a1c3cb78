/**
 * Timers: a session ends when nothing was clicked for half an hour. The timer is state: it survives crashes, and fires at the
 * same place in a replay.
 *
 *     sluice run examples/04_sessions.ts --from 'file:clicks.ndjson?key=user&time=at' --to file:sessions.ndjson --clock event --until-end
 */

import { defineProcessor, json } from "@sluice/sluice/processor";

interface Session {
  user: string;
  clicks: number;
  seconds: number;
}

interface Open {
  startMs: number;
  endMs: number;
  clicks: number;
}

const IDLE_MS = 30 * 60_000;

export default defineProcessor({
  name: "sessions",
  input: json<{ user: string; page: string }>(),
  output: json<Session>(),
  process({ value: { user } }, { state, timers, now }) {
    const open = state.get<Open>(user) ?? { startMs: now, endMs: now, clicks: 0 };
    state.set(user, { ...open, endMs: now, clicks: open.clicks + 1 });
    timers.set(user, now + IDLE_MS);
  },
  onTimer({ key: user }, { state, emit }) {
    const { startMs, endMs, clicks } = state.get<Open>(user)!;
    state.delete(user);
    emit({ key: user, value: { user, clicks, seconds: (endMs - startMs) / 1000 } });
  },
});
