// Benthos with what the benchmark needs of it. 4.27 is the last version before it was renamed to Redpanda Connect, and
// the last whose every part is under the MIT licence.
package main

import (
	"context"

	_ "github.com/benthosdev/benthos/v4/public/components/pure"
	_ "github.com/benthosdev/benthos/v4/public/components/redis"
	"github.com/benthosdev/benthos/v4/public/service"
)

func main() {
	service.RunCLI(context.Background())
}
