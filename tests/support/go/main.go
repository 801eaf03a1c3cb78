// A peer by franz-go: writes what it reads from standard input, or prints what a read_committed consumer sees.
//
//	peer write BROKER TOPIC CODEC    lines of JSON {"key", "value", "timeMs", "headers": [[name, value]]}, base64 or null
//	peer read BROKER TOPIC COUNT     the same lines
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

type record struct {
	Key     *[]byte      `json:"key"`
	Value   *[]byte      `json:"value"`
	TimeMs  int64        `json:"timeMs"`
	Headers [][2]*[]byte `json:"headers"`
}

func bytesOf(field *[]byte) []byte {
	if field == nil {
		return nil
	}
	if *field == nil {
		return []byte{}
	}
	return *field
}

func fieldOf(bytes []byte) *[]byte {
	if bytes == nil {
		return nil
	}
	return &bytes
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(broker, topic, codec string) {
	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.ProducerBatchCompression(codecs[codec]),
		kgo.ProducerLinger(50*time.Millisecond), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	check(err)
	var records []*kgo.Record
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var r record
		check(json.Unmarshal(lines.Bytes(), &r))
		k := &kgo.Record{Topic: topic, Key: bytesOf(r.Key), Value: bytesOf(r.Value), Timestamp: time.UnixMilli(r.TimeMs)}
		for _, h := range r.Headers {
			k.Headers = append(k.Headers, kgo.RecordHeader{Key: string(*h[0]), Value: bytesOf(h[1])})
		}
		records = append(records, k)
	}
	check(client.ProduceSync(context.Background(), records...).FirstErr())
	client.Close()
}

func read(broker, topic string, count int) {
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.ConsumeTopics(topic),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	check(err)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	out := json.NewEncoder(os.Stdout)
	for seen := 0; seen < count; {
		fetches := client.PollFetches(ctx)
		check(fetches.Err())
		fetches.EachRecord(func(k *kgo.Record) {
			r := record{Key: fieldOf(k.Key), Value: fieldOf(k.Value), TimeMs: k.Timestamp.UnixMilli(), Headers: [][2]*[]byte{}}
			for _, h := range k.Headers {
				name := []byte(h.Key)
				r.Headers = append(r.Headers, [2]*[]byte{&name, fieldOf(h.Value)})
			}
			check(out.Encode(r))
			seen++
		})
	}
	client.Close()
}

func main() {
	switch os.Args[1] {
	case "write":
		write(os.Args[2], os.Args[3], os.Args[4])
	case "read":
		count, err := strconv.Atoi(os.Args[4])
		check(err)
		read(os.Args[2], os.Args[3], count)
	}
}
