(module (func (export "f") loop $l br $l end))
