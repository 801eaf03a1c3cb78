;; Joins the values of records as the elements of a JSON array, and checks that each is a whole: see json_array.ts.
;; Built by `deno task wasm`.
(module
  (memory (export "memory") 4)

  ;; Which of 16 bytes is $byte: a bit for each.
  (func $which (param $block v128) (param $byte i32) (result i32)
    (i8x16.bitmask (i8x16.eq (local.get $block) (i8x16.splat (local.get $byte)))))

  ;; $ranges: 16 bytes per row, of which the last 8 say where its value begins and ends; $shift leads from there to its
  ;; address. Writes the array at $to, and may write 16 bytes more. Answers its length; 0 where a value is no whole.
  (func (export "join") (param $ranges i32) (param $rows i32) (param $shift i32) (param $to i32) (result i32)
    (local $begin i32)
    (local $at i32)
    (local $end i32)
    (local $block v128)
    (local $folded v128)
    (local $length i32) ;; of what is looked at: up to 16 bytes
    (local $valid i32) ;; a bit for each of them
    (local $quotes i32)
    (local $inText i32) ;; a bit for each that is inside of a text, from its first quote on
    (local $textGoesOn i32) ;; 0, or all bits where the block before ends inside of a text
    (local $depth i32)
    (local $byte i32)
    (local $i i32)
    (local.set $begin (local.get $to))
    (block $broken
      (loop $row
        (local.set $at (i32.load offset=8 (local.get $ranges)))
        (br_if $broken (i32.eq (local.get $at) (i32.const -1)))
        (local.set $at (i32.add (local.get $at) (local.get $shift)))
        (local.set $end (i32.add (i32.load offset=12 (local.get $ranges)) (local.get $shift)))
        (i32.store8 (local.get $to) (i32.const 0x2c))
        (local.set $to (i32.add (local.get $to) (i32.const 1)))
        (local.set $textGoesOn (i32.const 0))
        (local.set $depth (i32.const 0))
        (block $valueEnds
          (loop $blocks
            (br_if $valueEnds (i32.ge_u (local.get $at) (local.get $end)))
            (local.set $block (v128.load (local.get $at)))
            (v128.store (local.get $to) (local.get $block))
            (local.set $length (i32.sub (local.get $end) (local.get $at)))
            (if (i32.gt_u (local.get $length) (i32.const 16)) (then (local.set $length (i32.const 16))))
            (local.set $valid (i32.sub (i32.shl (i32.const 1) (local.get $length)) (i32.const 1)))
            (local.set $quotes (i32.and (call $which (local.get $block) (i32.const 0x22)) (local.get $valid)))
            ;; A bit apart are `[` and `{`, backslash and `|`, `]` and `}`, and these are next to each other.
            (local.set $folded (v128.and (local.get $block) (i8x16.splat (i32.const 0xdf))))
            (block $counted
              (br_if $counted (i32.eqz (v128.any_true (i8x16.le_u
                (i8x16.sub (local.get $folded) (i8x16.splat (i32.const 0x5b)))
                (i8x16.splat (i32.const 2))))))
              (if (i32.and (call $which (local.get $block) (i32.const 0x5c)) (local.get $valid))
                (then
                  ;; With a backslash among them: byte by byte.
                  (local.set $i (i32.const 0))
                  (block $blockEnds
                    (loop $bytes
                      (br_if $blockEnds (i32.ge_u (local.get $i) (local.get $length)))
                      (local.set $byte (i32.load8_u (i32.add (local.get $at) (local.get $i))))
                      (if (i32.eq (local.get $byte) (i32.const 0x22))
                        (then (local.set $textGoesOn (i32.xor (local.get $textGoesOn) (i32.const -1))))
                        (else (if (local.get $textGoesOn)
                          (then
                            (if (i32.eq (local.get $byte) (i32.const 0x5c)) (then
                              ;; What it stands before must be seen with it: in the next block, unless that is this one.
                              (if (i32.ge_u (i32.add (local.get $i) (i32.const 1)) (local.get $length)) (then
                                (br_if $broken (i32.eqz (local.get $i)))
                                (local.set $length (local.get $i))
                                (br $blockEnds)))
                              (local.set $i (i32.add (local.get $i) (i32.const 1))))))
                          (else
                            (local.set $byte (i32.and (local.get $byte) (i32.const 0xdf)))
                            (local.set $depth (i32.add (local.get $depth) (i32.eq (local.get $byte) (i32.const 0x5b))))
                            (local.set $depth (i32.sub (local.get $depth) (i32.eq (local.get $byte) (i32.const 0x5d))))))))
                      (local.set $i (i32.add (local.get $i) (i32.const 1)))
                      (br $bytes)))
                  (local.set $quotes (i32.const 0))
                  (br $counted)))
              ;; Each bit becomes the parity of the quotes up to it.
              (local.set $inText (i32.xor (local.get $quotes) (i32.shl (local.get $quotes) (i32.const 1))))
              (local.set $inText (i32.xor (local.get $inText) (i32.shl (local.get $inText) (i32.const 2))))
              (local.set $inText (i32.xor (local.get $inText) (i32.shl (local.get $inText) (i32.const 4))))
              (local.set $inText (i32.xor (local.get $inText) (i32.shl (local.get $inText) (i32.const 8))))
              (local.set $inText (i32.xor (local.get $inText) (local.get $textGoesOn)))
              (local.set $valid (i32.and (local.get $valid) (i32.xor (local.get $inText) (i32.const -1))))
              (local.set $depth (i32.add (local.get $depth)
                (i32.popcnt (i32.and (call $which (local.get $folded) (i32.const 0x5b)) (local.get $valid)))))
              (local.set $depth (i32.sub (local.get $depth)
                (i32.popcnt (i32.and (call $which (local.get $folded) (i32.const 0x5d)) (local.get $valid))))))
            (local.set $textGoesOn (i32.xor (local.get $textGoesOn)
              (i32.sub (i32.const 0) (i32.and (i32.popcnt (local.get $quotes)) (i32.const 1)))))
            (local.set $at (i32.add (local.get $at) (local.get $length)))
            (local.set $to (i32.add (local.get $to) (local.get $length)))
            (br $blocks)))
        (br_if $broken (i32.or (local.get $textGoesOn) (local.get $depth)))
        (local.set $ranges (i32.add (local.get $ranges) (i32.const 16)))
        (local.set $rows (i32.sub (local.get $rows) (i32.const 1)))
        (br_if $row (local.get $rows)))
      (i32.store8 (local.get $begin) (i32.const 0x5b))
      (i32.store8 (local.get $to) (i32.const 0x5d))
      (return (i32.sub (i32.add (local.get $to) (i32.const 1)) (local.get $begin))))
    (i32.const 0)))
