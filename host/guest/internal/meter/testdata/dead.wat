;; What cannot be reached pays nothing and stays valid: frames, labels and an else of it.
(module
  (func (export "f") (param i32) (result i32)
    loop $l
      local.get 0
      i32.eqz
      if
        i32.const 9
        return
        loop $m
          br $m
          br $l
        end
        block (result i32)
          i32.const 1
          br_if $l
          i32.const 2
          if
            br 2
          else
            br 0
          end
          i32.const 4
        end
        drop
      end
      local.get 0
      i32.const 1
      i32.sub
      local.set 0
      br $l
      i32.const 5
      drop
    end
    unreachable
    i32.const 4
    i32.const 5
    i32.add))
