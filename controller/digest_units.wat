;; Digests of the units of a feed, over its packed columns: see digests.ts, which lays them out.
;; Built by `deno task wasm`.
;;
;; The hash is that of engine/digest.ts. What is hashed, and in which order, is part of every journal.
;; A unit's digest is four words in memory, which one pass after the other extends.
(module
  ;; Writes a number as JSON has it at $at; answers where it ends.
  (import "host" "write" (func $writeAny (param $value f64) (param $at i32) (result i32)))
  (memory (export "memory") 4)

  ;; The digest under way.
  (global $h1 (mut i32) (i32.const 0))
  (global $h2 (mut i32) (i32.const 0))
  (global $h3 (mut i32) (i32.const 0))
  (global $h4 (mut i32) (i32.const 0))

  (func $clear
    (global.set $h1 (i32.const 0))
    (global.set $h2 (i32.const 0))
    (global.set $h3 (i32.const 0))
    (global.set $h4 (i32.const 0)))

  (func $load (param $at i32)
    (global.set $h1 (i32.load (local.get $at)))
    (global.set $h2 (i32.load offset=4 (local.get $at)))
    (global.set $h3 (i32.load offset=8 (local.get $at)))
    (global.set $h4 (i32.load offset=12 (local.get $at))))

  (func $store (param $at i32)
    (i32.store (local.get $at) (global.get $h1))
    (i32.store offset=4 (local.get $at) (global.get $h2))
    (i32.store offset=8 (local.get $at) (global.get $h3))
    (i32.store offset=12 (local.get $at) (global.get $h4)))

  (func $scramble1 (param $word i32) (result i32)
    (i32.mul (i32.rotl (i32.mul (local.get $word) (i32.const 0x239b961b)) (i32.const 15)) (i32.const 0xab0e9789)))
  (func $scramble2 (param $word i32) (result i32)
    (i32.mul (i32.rotl (i32.mul (local.get $word) (i32.const 0xab0e9789)) (i32.const 16)) (i32.const 0x38b34ae5)))
  (func $scramble3 (param $word i32) (result i32)
    (i32.mul (i32.rotl (i32.mul (local.get $word) (i32.const 0x38b34ae5)) (i32.const 17)) (i32.const 0xa1e38b93)))
  (func $scramble4 (param $word i32) (result i32)
    (i32.mul (i32.rotl (i32.mul (local.get $word) (i32.const 0xa1e38b93)) (i32.const 18)) (i32.const 0x239b961b)))

  (func $mixFinal (param $word i32) (result i32)
    (local.set $word (i32.mul
      (i32.xor (local.get $word) (i32.shr_u (local.get $word) (i32.const 16))) (i32.const 0x85ebca6b)))
    (local.set $word (i32.mul
      (i32.xor (local.get $word) (i32.shr_u (local.get $word) (i32.const 13))) (i32.const 0xc2b2ae35)))
    (i32.xor (local.get $word) (i32.shr_u (local.get $word) (i32.const 16))))

  (func $finish (param $h1 i32) (param $h2 i32) (param $h3 i32) (param $h4 i32) (param $length i32)
    (local.set $h1 (i32.xor (local.get $h1) (local.get $length)))
    (local.set $h2 (i32.xor (local.get $h2) (local.get $length)))
    (local.set $h3 (i32.xor (local.get $h3) (local.get $length)))
    (local.set $h4 (i32.xor (local.get $h4) (local.get $length)))
    (local.set $h1 (i32.add
      (i32.add (local.get $h1) (local.get $h2)) (i32.add (local.get $h3) (local.get $h4))))
    (local.set $h2 (call $mixFinal (i32.add (local.get $h2) (local.get $h1))))
    (local.set $h3 (call $mixFinal (i32.add (local.get $h3) (local.get $h1))))
    (local.set $h4 (call $mixFinal (i32.add (local.get $h4) (local.get $h1))))
    (local.set $h1 (call $mixFinal (local.get $h1)))
    (local.set $h1 (i32.add
      (i32.add (local.get $h1) (local.get $h2)) (i32.add (local.get $h3) (local.get $h4))))
    (global.set $h1 (local.get $h1))
    (global.set $h2 (i32.add (local.get $h2) (local.get $h1)))
    (global.set $h3 (i32.add (local.get $h3) (local.get $h1)))
    (global.set $h4 (i32.add (local.get $h4) (local.get $h1))))

  (func $words (param $first i32) (param $second i32) (param $third i32) (param $fourth i32)
    (call $finish
      (i32.xor (global.get $h1) (call $scramble1 (local.get $first)))
      (i32.xor (global.get $h2) (call $scramble2 (local.get $second)))
      (i32.xor (global.get $h3) (call $scramble3 (local.get $third)))
      (i32.xor (global.get $h4) (call $scramble4 (local.get $fourth)))
      (i32.const 16)))

  ;; The word at $at, of which $rest bytes count.
  (func $tailWord (param $at i32) (param $rest i32) (result i32)
    (if (i32.ge_s (local.get $rest) (i32.const 4)) (then (return (i32.load (local.get $at)))))
    (i32.and (i32.load (local.get $at))
      (i32.sub (i32.shl (i32.const 1) (i32.shl (local.get $rest) (i32.const 3))) (i32.const 1))))

  ;; May read up to 3 bytes behind $end.
  (func $bytes (param $at i32) (param $end i32)
    (local $h1 i32)
    (local $h2 i32)
    (local $h3 i32)
    (local $h4 i32)
    (local $length i32)
    (local $rest i32)
    (local.set $h1 (global.get $h1))
    (local.set $h2 (global.get $h2))
    (local.set $h3 (global.get $h3))
    (local.set $h4 (global.get $h4))
    (local.set $length (i32.sub (local.get $end) (local.get $at)))
    (block $blocksEnd
      (loop $blocks
        (local.set $rest (i32.sub (local.get $end) (local.get $at)))
        (br_if $blocksEnd (i32.lt_u (local.get $rest) (i32.const 16)))
        (local.set $h1 (i32.xor (local.get $h1) (call $scramble1 (i32.load (local.get $at)))))
        (local.set $h1 (i32.add (i32.const 0x561ccd1b) (i32.mul (i32.const 5)
          (i32.add (i32.rotl (local.get $h1) (i32.const 19)) (local.get $h2)))))
        (local.set $h2 (i32.xor (local.get $h2) (call $scramble2 (i32.load offset=4 (local.get $at)))))
        (local.set $h2 (i32.add (i32.const 0x0bcaa747) (i32.mul (i32.const 5)
          (i32.add (i32.rotl (local.get $h2) (i32.const 17)) (local.get $h3)))))
        (local.set $h3 (i32.xor (local.get $h3) (call $scramble3 (i32.load offset=8 (local.get $at)))))
        (local.set $h3 (i32.add (i32.const 0x96cd1c35) (i32.mul (i32.const 5)
          (i32.add (i32.rotl (local.get $h3) (i32.const 15)) (local.get $h4)))))
        (local.set $h4 (i32.xor (local.get $h4) (call $scramble4 (i32.load offset=12 (local.get $at)))))
        (local.set $h4 (i32.add (i32.const 0x32ac3b17) (i32.mul (i32.const 5)
          (i32.add (i32.rotl (local.get $h4) (i32.const 13)) (local.get $h1)))))
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (br $blocks)))
    (if (local.get $rest) (then
      (local.set $h1 (i32.xor (local.get $h1)
        (call $scramble1 (call $tailWord (local.get $at) (local.get $rest)))))
      (if (i32.gt_s (local.get $rest) (i32.const 4)) (then
        (local.set $h2 (i32.xor (local.get $h2) (call $scramble2
          (call $tailWord (i32.add (local.get $at) (i32.const 4)) (i32.sub (local.get $rest) (i32.const 4))))))
        (if (i32.gt_s (local.get $rest) (i32.const 8)) (then
          (local.set $h3 (i32.xor (local.get $h3) (call $scramble3
            (call $tailWord (i32.add (local.get $at) (i32.const 8)) (i32.sub (local.get $rest) (i32.const 8))))))
          (if (i32.gt_s (local.get $rest) (i32.const 12)) (then
            (local.set $h4 (i32.xor (local.get $h4) (call $scramble4
              (call $tailWord (i32.add (local.get $at) (i32.const 12)) (i32.sub (local.get $rest) (i32.const 12))))))))))))))
    (call $finish (local.get $h1) (local.get $h2) (local.get $h3) (local.get $h4) (local.get $length)))

  ;; Where each row came from, its key and its value. $shift leads from a position in the payload to its address.
  (func $rows (param $count i32) (param $digests i32) (param $origin i32) (param $offsets i32)
    (param $width i32) (param $ranges i32) (param $shift i32)
    (local $word i32)
    (block $end
      (loop $row
        (br_if $end (i32.eqz (local.get $count)))
        (call $clear)
        (local.set $word (i32.const 0))
        (loop $word
          (if (i32.lt_u (local.get $word) (local.get $width)) (then
            (call $words (local.get $origin)
              (i32.load (i32.add (local.get $offsets) (i32.shl (local.get $word) (i32.const 2))))
              (i32.load offset=4 (i32.add (local.get $offsets) (i32.shl (local.get $word) (i32.const 2))))
              (local.get $word))
            (local.set $word (i32.add (local.get $word) (i32.const 2)))
            (br $word))))
        (if (i32.ne (i32.load (local.get $ranges)) (i32.const -1)) (then
          (call $bytes (i32.add (i32.load (local.get $ranges)) (local.get $shift))
            (i32.add (i32.load offset=4 (local.get $ranges)) (local.get $shift)))))
        (if (i32.ne (i32.load offset=8 (local.get $ranges)) (i32.const -1)) (then
          (call $bytes (i32.add (i32.load offset=8 (local.get $ranges)) (local.get $shift))
            (i32.add (i32.load offset=12 (local.get $ranges)) (local.get $shift)))))
        (call $store (local.get $digests))
        (local.set $digests (i32.add (local.get $digests) (i32.const 16)))
        (local.set $offsets (i32.add (local.get $offsets) (i32.shl (local.get $width) (i32.const 2))))
        (local.set $ranges (i32.add (local.get $ranges) (i32.const 16)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $row))))

  ;; The headers of rows: those of a row begin at its word of $starts, and end at the next one.
  (func $headers (param $count i32) (param $digests i32) (param $starts i32) (param $ranges i32)
    (param $shift i32)
    (local $at i32)
    (local $to i32)
    (block $end
      (loop $row
        (br_if $end (i32.eqz (local.get $count)))
        (call $load (local.get $digests))
        (local.set $at (i32.add (local.get $ranges) (i32.shl (i32.load (local.get $starts)) (i32.const 4))))
        (local.set $to (i32.add (local.get $ranges) (i32.shl (i32.load offset=4 (local.get $starts)) (i32.const 4))))
        (loop $part
          (if (i32.lt_u (local.get $at) (local.get $to)) (then
            (if (i32.eq (i32.load (local.get $at)) (i32.const -1))
              (then (call $words (i32.const -1) (i32.const 0) (i32.const 0) (i32.const 0)))
              (else (call $bytes (i32.add (i32.load (local.get $at)) (local.get $shift))
                (i32.add (i32.load offset=4 (local.get $at)) (local.get $shift)))))
            (local.set $at (i32.add (local.get $at) (i32.const 8)))
            (br $part))))
        (call $store (local.get $digests))
        (local.set $digests (i32.add (local.get $digests) (i32.const 16)))
        (local.set $starts (i32.add (local.get $starts) (i32.const 4)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $row))))

  ;; The records of segments, each of four words: batch, first row, row after the last, and what is of no matter here. A
  ;; batch has eight: its origin; where its offsets are, and words per offset; where its ranges and its payload are; and
  ;; those of its headers, starts (0 where there are none), ranges and bytes.
  (func (export "records") (param $count i32) (param $segments i32) (param $batches i32) (param $digests i32)
    (local $batch i32)
    (local $from i32)
    (local $rows i32)
    (block $end
      (loop $segment
        (br_if $end (i32.eqz (local.get $count)))
        (local.set $batch
          (i32.add (local.get $batches) (i32.shl (i32.load (local.get $segments)) (i32.const 5))))
        (local.set $from (i32.load offset=4 (local.get $segments)))
        (local.set $rows (i32.sub (i32.load offset=8 (local.get $segments)) (local.get $from)))
        (call $rows (local.get $rows) (local.get $digests) (i32.load (local.get $batch))
          (i32.add (i32.load offset=4 (local.get $batch))
            (i32.shl (i32.mul (local.get $from) (i32.load offset=8 (local.get $batch))) (i32.const 2)))
          (i32.load offset=8 (local.get $batch))
          (i32.add (i32.load offset=12 (local.get $batch)) (i32.shl (local.get $from) (i32.const 4)))
          (i32.load offset=16 (local.get $batch)))
        (if (i32.load offset=20 (local.get $batch)) (then
          (call $headers (local.get $rows) (local.get $digests)
            (i32.add (i32.load offset=20 (local.get $batch)) (i32.shl (local.get $from) (i32.const 2)))
            (i32.load offset=24 (local.get $batch)) (i32.load offset=28 (local.get $batch)))))
        (local.set $digests (i32.add (local.get $digests) (i32.shl (local.get $rows) (i32.const 4))))
        (local.set $segments (i32.add (local.get $segments) (i32.const 16)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $segment))))

  ;; Units begin with the digest of their record, or with nothing; $input is extended by those of all records.
  (func (export "units") (param $count i32) (param $units i32) (param $records i32) (param $digests i32)
    (param $input i32)
    (call $load (local.get $input))
    (block $end
      (loop $unit
        (br_if $end (i32.eqz (local.get $count)))
        (if (i32.ge_s (i32.load (local.get $records)) (i32.const 0))
          (then
            (v128.store (local.get $units) (v128.load (local.get $digests)))
            (call $words (i32.load (local.get $units)) (i32.load offset=4 (local.get $units))
              (i32.load offset=8 (local.get $units)) (i32.load offset=12 (local.get $units)))
            (local.set $digests (i32.add (local.get $digests) (i32.const 16))))
          (else (v128.store (local.get $units) (v128.const i64x2 0 0))))
        (local.set $units (i32.add (local.get $units) (i32.const 16)))
        (local.set $records (i32.add (local.get $records) (i32.const 4)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $unit)))
    (call $store (local.get $input)))

  ;; The outputs of units. Each value is followed by one byte more. $rows, $partitions and $lengths are of the
  ;; $extras outputs that have headers or a partition; the headers lie at $headers one after the other.
  (func (export "outputs") (param $count i32) (param $units i32) (param $ends i32)
    (param $names i32) (param $times i32) (param $keyLengths i32) (param $keys i32) (param $valueLengths i32)
    (param $values i32) (param $extras i32) (param $rows i32) (param $partitions i32) (param $lengths i32)
    (param $headers i32)
    (local $output i32)
    (local $to i32)
    (local $length i32)
    (local $time f64)
    (block $end
      (loop $unit
        (br_if $end (i32.eqz (local.get $count)))
        (local.set $to (i32.load (local.get $ends)))
        (if (i32.lt_s (local.get $output) (local.get $to)) (then
          (call $load (local.get $units))
          (loop $one
            (local.set $length (i32.load (local.get $keyLengths)))
            (local.set $time (f64.load (local.get $times)))
            (call $words (i32.load (local.get $names)) (local.get $length)
              (i32.wrap_i64 (i64.trunc_sat_f64_s (local.get $time)))
              (i32.wrap_i64 (i64.trunc_sat_f64_s (f64.floor (f64.div (local.get $time) (f64.const 0x1p32))))))
            (if (i32.gt_s (local.get $length) (i32.const 0)) (then
              (call $bytes (local.get $keys) (i32.add (local.get $keys) (local.get $length)))
              (local.set $keys (i32.add (local.get $keys) (local.get $length)))))
            (local.set $length (i32.load (local.get $valueLengths)))
            (if (i32.lt_s (local.get $length) (i32.const 0))
              (then (call $words (local.get $length) (i32.const 0) (i32.const 0) (i32.const 0)))
              (else
                (call $bytes (local.get $values) (i32.add (local.get $values) (local.get $length)))
                (local.set $values (i32.add (local.get $values) (local.get $length)))))
            (local.set $values (i32.add (local.get $values) (i32.const 1)))
            (if (local.get $extras) (then (if (i32.eq (i32.load (local.get $rows)) (local.get $output)) (then
              (local.set $length (i32.load (local.get $lengths)))
              (call $words (i32.load (local.get $partitions)) (local.get $length) (i32.const 0) (i32.const 0))
              (if (i32.gt_s (local.get $length) (i32.const 0)) (then
                (call $bytes (local.get $headers) (i32.add (local.get $headers) (local.get $length)))
                (local.set $headers (i32.add (local.get $headers) (local.get $length)))))
              (local.set $rows (i32.add (local.get $rows) (i32.const 4)))
              (local.set $partitions (i32.add (local.get $partitions) (i32.const 4)))
              (local.set $lengths (i32.add (local.get $lengths) (i32.const 4)))
              (local.set $extras (i32.sub (local.get $extras) (i32.const 1)))))))
            (local.set $names (i32.add (local.get $names) (i32.const 4)))
            (local.set $times (i32.add (local.get $times) (i32.const 8)))
            (local.set $keyLengths (i32.add (local.get $keyLengths) (i32.const 4)))
            (local.set $valueLengths (i32.add (local.get $valueLengths) (i32.const 4)))
            (local.set $output (i32.add (local.get $output) (i32.const 1)))
            (br_if $one (i32.lt_s (local.get $output) (local.get $to))))
          (call $store (local.get $units))))
        (local.set $units (i32.add (local.get $units) (i32.const 16)))
        (local.set $ends (i32.add (local.get $ends) (i32.const 4)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $unit))))

  ;; Where the keys of changes begin, of which $lengths has two words each: key and JSON, the latter may be -1. Answers
  ;; how long the longest key is.
  (func (export "starts") (param $count i32) (param $lengths i32) (param $at i32) (param $starts i32) (result i32)
    (local $length i32)
    (local $longest i32)
    (block $end
      (loop $change
        (br_if $end (i32.eqz (local.get $count)))
        (i32.store (local.get $starts) (local.get $at))
        (local.set $length (i32.load (local.get $lengths)))
        (local.set $at (i32.add (local.get $at) (local.get $length)))
        (if (i32.gt_u (local.get $length) (local.get $longest)) (then (local.set $longest (local.get $length))))
        (local.set $length (i32.load offset=4 (local.get $lengths)))
        (if (i32.gt_s (local.get $length) (i32.const 0)) (then
          (local.set $at (i32.add (local.get $at) (local.get $length)))))
        (local.set $lengths (i32.add (local.get $lengths) (i32.const 8)))
        (local.set $starts (i32.add (local.get $starts) (i32.const 4)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $change)))
    (local.get $longest))

  ;; Writes a number as JSON has it; answers where it ends.
  (func $write (param $value f64) (param $at i32) (result i32)
    (local $whole i32)
    (local $rest i32)
    (local $to i32)
    (local $end i32)
    (local.set $whole (i32.trunc_sat_f64_u (local.get $value)))
    (if (f64.ne (f64.convert_i32_u (local.get $whole)) (local.get $value)) (then
      (return (call $writeAny (local.get $value) (local.get $at)))))
    (local.set $end (i32.add (local.get $at) (i32.const 1)))
    (local.set $rest (local.get $whole))
    (loop $digits
      (if (i32.ge_u (local.get $rest) (i32.const 10)) (then
        (local.set $rest (i32.div_u (local.get $rest) (i32.const 10)))
        (local.set $end (i32.add (local.get $end) (i32.const 1)))
        (br $digits))))
    (local.set $to (local.get $end))
    (loop $digit
      (local.set $to (i32.sub (local.get $to) (i32.const 1)))
      (i32.store8 (local.get $to) (i32.add (i32.const 0x30) (i32.rem_u (local.get $whole) (i32.const 10))))
      (local.set $whole (i32.div_u (local.get $whole) (i32.const 10)))
      (br_if $digit (i32.gt_u (local.get $to) (local.get $at))))
    (local.get $end))

  ;; The trace of units. An entry has its text at $text, or is about the change whose number is in its subject length:
  ;; then its text is the change's key, of $units code units, and, where it is set, the next one of $numbers. The two
  ;; are put together at $room.
  (func (export "trace") (param $count i32) (param $digests i32) (param $ends i32)
    (param $kinds i32) (param $subjectLengths i32) (param $detailLengths i32) (param $lengths i32) (param $text i32)
    (param $numbers i32) (param $starts i32) (param $keyLengths i32) (param $units i32) (param $room i32)
    (local $entry i32)
    (local $to i32)
    (local $change i32)
    (local $at i32)
    (local $keyEnd i32)
    (local $end i32)
    (block $unitsEnd
      (loop $unit
        (br_if $unitsEnd (i32.eqz (local.get $count)))
        (local.set $to (i32.load (local.get $ends)))
        (if (i32.lt_s (local.get $entry) (local.get $to)) (then
          (call $load (local.get $digests))
          (loop $one
            (local.set $change (i32.load (local.get $subjectLengths)))
            (if (i32.ge_s (local.get $change) (i32.const 0))
              (then
                (call $words (i32.load (local.get $kinds)) (local.get $change) (i32.load (local.get $detailLengths))
                  (i32.const 0))
                (local.set $end (i32.add (local.get $text) (i32.load (local.get $lengths))))
                (call $bytes (local.get $text) (local.get $end))
                (local.set $text (local.get $end)))
              (else
                ;; -1 is the first change.
                (local.set $change (i32.xor (local.get $change) (i32.const -1)))
                (local.set $at (i32.load (i32.add (local.get $starts) (i32.shl (local.get $change) (i32.const 2)))))
                (local.set $keyEnd (i32.add (local.get $room)
                  (i32.load (i32.add (local.get $keyLengths) (i32.shl (local.get $change) (i32.const 3))))))
                (local.set $end (local.get $room))
                (loop $copy
                  (v128.store (local.get $end) (v128.load (local.get $at)))
                  (local.set $at (i32.add (local.get $at) (i32.const 16)))
                  (local.set $end (i32.add (local.get $end) (i32.const 16)))
                  (br_if $copy (i32.lt_u (local.get $end) (local.get $keyEnd))))
                (local.set $end (local.get $keyEnd))
                (if (i32.eqz (i32.load (local.get $kinds))) (then
                  (local.set $end (call $write (f64.load (local.get $numbers)) (local.get $end)))
                  (local.set $numbers (i32.add (local.get $numbers) (i32.const 8)))))
                (call $words (i32.load (local.get $kinds))
                  (i32.load (i32.add (local.get $units) (i32.shl (local.get $change) (i32.const 3))))
                  (i32.sub (local.get $end) (local.get $keyEnd)) (i32.const 0))
                (call $bytes (local.get $room) (local.get $end))))
            (local.set $kinds (i32.add (local.get $kinds) (i32.const 4)))
            (local.set $subjectLengths (i32.add (local.get $subjectLengths) (i32.const 4)))
            (local.set $detailLengths (i32.add (local.get $detailLengths) (i32.const 4)))
            (local.set $lengths (i32.add (local.get $lengths) (i32.const 4)))
            (local.set $entry (i32.add (local.get $entry) (i32.const 1)))
            (br_if $one (i32.lt_s (local.get $entry) (local.get $to))))
          (call $store (local.get $digests))))
        (local.set $digests (i32.add (local.get $digests) (i32.const 16)))
        (local.set $ends (i32.add (local.get $ends) (i32.const 4)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $unit))))

  ;; Extends $chain by the digests of all units, and writes the first word of each at $to.
  (func (export "chain") (param $count i32) (param $units i32) (param $chain i32) (param $to i32)
    (call $load (local.get $chain))
    (block $end
      (loop $unit
        (br_if $end (i32.eqz (local.get $count)))
        (call $words (i32.load (local.get $units)) (i32.load offset=4 (local.get $units))
          (i32.load offset=8 (local.get $units)) (i32.load offset=12 (local.get $units)))
        (i32.store (local.get $to) (i32.load (local.get $units)))
        (local.set $units (i32.add (local.get $units) (i32.const 16)))
        (local.set $to (i32.add (local.get $to) (i32.const 4)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $unit)))
    (call $store (local.get $chain))))
