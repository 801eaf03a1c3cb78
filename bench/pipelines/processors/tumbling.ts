/** Counts per key and minute. */

import { count, json, pipeline, tumbling } from "@sluice/sluice/pipeline";

interface Click {
  readonly user: string;
  readonly at: number;
}

export default pipeline("tumbling", ({ from }) =>
  from(json<Click>(), { time: ({ at }) => at })
    .keyBy(({ user }) => user)
    .window(tumbling("1m"))
    .aggregate({ clicks: count() })
    .to(json()));
