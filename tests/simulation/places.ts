/** The systems that there are, in a world. */

import { KafkaPlace } from "./kafka/place.ts";
import { KinesisPlace } from "./kinesis/place.ts";
import type { Place } from "./place.ts";
import { RedisPlace } from "./redis/place.ts";
import type { Scenario, System } from "./scenario.ts";
import type { World } from "./world/world.ts";

/** Makes a system of a world. */
export function placeFor(system: System, world: World, scenario: Scenario): Place {
  switch (system) {
    case "kafka":
      return new KafkaPlace(world, scenario);
    case "redis":
      return new RedisPlace(world, scenario);
    case "kinesis":
      return new KinesisPlace(world, scenario);
    default:
      return system satisfies never;
  }
}
