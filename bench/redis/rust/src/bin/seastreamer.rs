//! SeaStreamer as its users write it, at least once: a resumable consumer whose acknowledgements go out by themselves,
//! a producer that is flushed every thousand messages. `produce` and `consume` are its own published cases.
//! Prints milliseconds from the first message to the last.

use sea_streamer_redis::{AutoStreamReset, RedisConnectOptions, RedisConsumerOptions, RedisStreamer};
use sea_streamer_types::{
    Buffer, Consumer, ConsumerGroup, ConsumerMode, ConsumerOptions, Message, Producer, StreamKey, Streamer, StreamerUri,
};
use std::time::Instant;

const FLUSH: usize = 1000;

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (job, address, input, output) = (args[1].as_str(), &args[2], &args[3], &args[4]);
    let records: usize = args[5].parse().unwrap();
    let uri: StreamerUri = format!("redis://{address}").parse().unwrap();
    let mut options = RedisConnectOptions::default();
    options.set_message_field("v");
    let streamer = RedisStreamer::connect(uri, options).await.unwrap();
    let started = match job {
        "map" => map(&streamer, input, output, records).await,
        "produce" => produce(&streamer, output, records).await,
        "consume" => consume(&streamer, input, records).await,
        _ => panic!("map, produce or consume is wanted"),
    };
    println!("{}", started.elapsed().as_millis());
}

async fn map(streamer: &RedisStreamer, input: &str, output: &str, records: usize) -> Instant {
    let mut options = RedisConsumerOptions::new(ConsumerMode::LoadBalanced);
    options.set_auto_stream_reset(AutoStreamReset::Earliest);
    options.set_consumer_group(ConsumerGroup::new(output)).unwrap();
    let consumer = streamer.create_consumer(&[StreamKey::new(input).unwrap()], options).await.unwrap();
    let mut producer = streamer.create_producer(StreamKey::new(output).unwrap(), Default::default()).await.unwrap();
    let started = Instant::now();
    for done in 1..=records {
        let message = consumer.next().await.unwrap();
        let mut order: serde_json::Value = serde_json::from_slice(message.message().as_bytes()).unwrap();
        let euros = order["cents"].as_f64().unwrap() / 100.0;
        order["euros"] = serde_json::json!(euros);
        producer.send(serde_json::to_string(&order).unwrap().as_str()).unwrap();
        if done % FLUSH == 0 {
            producer.flush().await.unwrap();
        }
    }
    producer.flush().await.unwrap();
    started
}

async fn produce(streamer: &RedisStreamer, output: &str, records: usize) -> Instant {
    let mut producer = streamer.create_producer(StreamKey::new(output).unwrap(), Default::default()).await.unwrap();
    let text = "x".repeat(256);
    let started = Instant::now();
    for _ in 0..records {
        producer.send(text.as_str()).unwrap();
    }
    producer.flush().await.unwrap();
    started
}

async fn consume(streamer: &RedisStreamer, input: &str, records: usize) -> Instant {
    let mut options = RedisConsumerOptions::new(ConsumerMode::RealTime);
    options.set_auto_stream_reset(AutoStreamReset::Earliest);
    let consumer = streamer.create_consumer(&[StreamKey::new(input).unwrap()], options).await.unwrap();
    let started = Instant::now();
    for _ in 0..records {
        consumer.next().await.unwrap();
    }
    started
}
