/** Counts per key over five minutes, every minute. */

import { count, hopping, json, pipeline } from "@sluice/sluice/pipeline";

interface Click {
  readonly user: string;
  readonly at: number;
}

export default pipeline("hopping", ({ from }) =>
  from(json<Click>(), { time: ({ at }) => at })
    .keyBy(({ user }) => user)
    .window(hopping("5m", "1m"))
    .aggregate({ clicks: count() })
    .to(json()));
