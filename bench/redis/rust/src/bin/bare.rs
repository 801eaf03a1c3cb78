//! The bare loop: read a range, map, write outputs and cursor in one MULTI/EXEC. No fence, no journal, no sandbox.
//! Prints milliseconds from the first read to the last commit.

use redis::streams::StreamRangeReply;
use std::time::Instant;

const BATCH: usize = 1000;

fn main() -> redis::RedisResult<()> {
    let args: Vec<String> = std::env::args().collect();
    let (address, input, output) = (&args[1], &args[2], &args[3]);
    let records: usize = args[4].parse().unwrap();
    let client = redis::Client::open(format!("redis://{address}/"))?;
    let mut connection = client.get_connection()?;
    let started = Instant::now();
    let mut last = String::from("0-0");
    let mut done = 0;
    while done < records {
        let entries: StreamRangeReply = redis::cmd("XRANGE")
            .arg(input).arg(format!("({last}")).arg("+").arg("COUNT").arg(BATCH)
            .query(&mut connection)?;
        let mut transaction = redis::pipe();
        transaction.atomic();
        for entry in &entries.ids {
            let value: Vec<u8> = entry.get("v").unwrap();
            let key: Vec<u8> = entry.get("k").unwrap();
            let mut order: serde_json::Value = serde_json::from_slice(&value).unwrap();
            let euros = order["cents"].as_f64().unwrap() / 100.0;
            order["euros"] = serde_json::json!(euros);
            transaction.cmd("XADD").arg(output).arg("*")
                .arg("v").arg(serde_json::to_vec(&order).unwrap()).arg("k").arg(key).ignore();
        }
        last = entries.ids.last().unwrap().id.clone();
        transaction.cmd("HSET").arg(format!("cursor:{output}")).arg("last").arg(&last).ignore();
        transaction.query::<()>(&mut connection)?;
        done += entries.ids.len();
    }
    println!("{}", started.elapsed().as_millis());
    Ok(())
}
