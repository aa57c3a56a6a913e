;; A loop in a loop: branches back, out of both, and to the function's end go deeper by three for each loop that they leave.
(module
  (func (export "f") (param $n i32) (result i32)
    (local $i i32) (local $sum i32)
    block $out
      loop $outer
        local.get $n
        i32.eqz
        br_if $out
        local.get $n
        i32.const 1
        i32.sub
        local.set $n
        i32.const 0
        local.set $i
        loop $inner
          local.get $sum
          local.get $i
          i32.add
          local.tee $sum
          i32.const 100000
          i32.gt_u
          br_if $out
          local.get $sum
          i32.const 99999
          i32.eq
          if
            i32.const -1
            return
          end
          local.get $i
          i32.const 1
          i32.add
          local.tee $i
          i32.const 10
          i32.lt_u
          br_if $inner
        end
        br $outer
      end
    end
    local.get $sum)
  (func (export "g") (param i32) (result i32)
    ;; A loop that nothing goes back to is a block, and one with a result.
    loop (result i32)
      i32.const 5
    end
    loop $l (result i32)
      local.get 0
      i32.const 1
      i32.sub
      local.tee 0
      br_if $l
      i32.const 2
    end
    i32.add))
