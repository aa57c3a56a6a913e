;; Ways that part and meet again: each way pays for where it goes on. The arguments 0, 77 and 154 take all of them.
(module
  (func (export "fall") (param $n i32) (result i32)
    block $out
      block $in
        local.get $n
        br_if $in
        local.get $n
        i32.const 100
        i32.gt_u
        br_if $out
        i32.const 1
        local.set $n
        nop
      end
      i32.const 3
      i32.const 4
      i32.add
      local.set $n
      local.get $n
      br_if $out
      i32.const 9
      local.set $n
    end
    local.get $n)
  (func (export "jump") (param $n i32) (result i32)
    block $out
      block $two
        block $one
          local.get $n
          br_if $one
          local.get $n
          i32.const 100
          i32.lt_u
          br_if $two
          i32.const 5
          local.set $n
          br $out
        end
        local.get $n
        i32.const 100
        i32.gt_u
        br_if $out
        i32.const 6
        local.set $n
        br $two
      end
      i32.const 2
      local.get $n
      i32.mul
      local.set $n
      local.get $n
      i32.const 200
      i32.gt_u
      br_if $out
    end
    local.get $n)
  (func (export "table") (param $n i32) (result i32)
    block $out
      block $two
        block $one
          local.get $n
          i32.const 77
          i32.div_u
          br_table $one $one $two
        end
        local.get $n
        br_if $out
        i32.const 1
        local.set $n
        br $two
      end
      i32.const 8
      local.set $n
    end
    local.get $n)
  (func (export "loops") (param $n i32) (result i32) (local $sum i32)
    block $out
      block $done
        loop $again
          block $next
            local.get $n
            i32.eqz
            br_if $done
            local.get $n
            i32.const 3
            i32.and
            br_if $next
            local.get $sum
            i32.const 1000
            i32.gt_u
            br_if $out
            local.get $sum
            i32.const 7
            i32.add
            local.set $sum
          end
          local.get $n
          i32.const 1
          i32.sub
          local.set $n
          local.get $sum
          local.get $n
          i32.add
          local.set $sum
          br $again
        end
      end
      local.get $sum
      i32.const 1
      i32.add
      local.set $sum
    end
    local.get $sum)
  (func (export "twice") (param $n i32) (result i32)
    block $out
      block $in
        local.get $n
        br_if $in
        local.get $n
        i32.const 100
        i32.gt_u
        br_if $out
        i32.const 1
        local.set $n
      end
      i32.const 2
      i32.const 3
      i32.add
      drop
    end
    block $out
      block $in
        local.get $n
        i32.const 100
        i32.gt_u
        br_if $in
        local.get $n
        br_if $out
        i32.const 1
        local.set $n
      end
      i32.const 3
      local.set $n
    end
    local.get $n)
  (func (export "arms") (param $n i32) (result i32)
    block $out
      block $in
        local.get $n
        if
          local.get $n
          i32.const 100
          i32.gt_u
          br_if $out
          i32.const 4
          local.set $n
          br $in
        else
          local.get $n
          i32.eqz
          br_if $in
        end
        i32.const 5
        local.set $n
      end
      local.get $n
      i32.const 2
      i32.add
      local.set $n
    end
    local.get $n))
