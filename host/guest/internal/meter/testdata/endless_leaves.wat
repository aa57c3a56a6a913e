;; Leaves only charge: whoever calls many of them is checked.
(module (func $leaf (param i32) (result i32) local.get 0 local.get 0 i32.mul local.get 0 i32.add)
  (func (export "f") (local i32) loop $l
    local.get 0 call $leaf call $leaf call $leaf call $leaf call $leaf call $leaf call $leaf call $leaf call $leaf call $leaf
    call $leaf call $leaf call $leaf call $leaf call $leaf call $leaf call $leaf call $leaf call $leaf call $leaf local.set 0
    br $l end))
