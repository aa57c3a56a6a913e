;; br_table out of loops, indirect calls, references and element segments, whose functions move up by one.
(module
  (type $t (func (param i32) (result i32)))
  (import "env" "host" (func $host (param i32) (result i32)))
  (table $t 4 funcref)
  (table $grown 1 funcref)
  (elem (table $t) (i32.const 0) func $host $a $b)
  (elem declare func $a)
  (elem $passive funcref (ref.func $b) (ref.null func))
  (global $g funcref (ref.func $a))
  (func $a (param i32) (result i32) local.get 0 i32.const 10 i32.add)
  (func $b (param i32) (result i32)
    block $two
      loop $one
        block $zero
          local.get 0
          br_table $zero $one $two
        end
        i32.const 1
        local.set 0
        br $one
      end
    end
    local.get 0
    call $host)
  (func (export "f") (param i32) (result i32)
    local.get 0
    local.get 0
    call_indirect (type $t)
    ref.func $a
    i32.const 5
    table.grow $grown
    i32.add
    i32.const 0
    i32.const 0
    i32.const 2
    table.init $grown $passive
    i32.const 1
    i32.const 0
    i32.const 1
    table.copy $grown $t)
  (start $init)
  (func $init i32.const 0 call $a drop))
