package guest

import "github.com/tetratelabs/wazero/api"

// strings of a guest: its arguments, of which it has none, or its environment.
func noStrings(*Instance) []string { return nil }
func environ(i *Instance) []string { return i.m.environ }

// bytesOf are those of the strings, each with a zero byte behind it.
func bytesOf(list []string) (n int) {
	for _, v := range list {
		n += len(v) + 1
	}
	return n
}

// wasiStringSizes answers how many strings there are, and of how many bytes.
func wasiStringSizes(of func(*Instance) []string) func(*Instance, api.Memory, []uint64) {
	return func(i *Instance, mem api.Memory, s []uint64) {
		ok := mem.WriteUint32Le(uint32(s[0]), uint32(len(of(i)))) && mem.WriteUint32Le(uint32(s[1]), uint32(bytesOf(of(i))))
		s[0] = fault(ok)
	}
}

// wasiStrings writes the strings, each with a zero byte behind it, and where each begins.
func wasiStrings(of func(*Instance) []string) func(*Instance, api.Memory, []uint64) {
	return func(i *Instance, mem api.Memory, s []uint64) {
		i.pay(bytesOf(of(i)) + 4*len(of(i)))
		at, to := uint32(s[0]), uint32(s[1])
		_, ok := mem.Read(at, 0)
		_, ok2 := mem.Read(to, 0)
		ok = ok && ok2
		for _, v := range of(i) {
			ok = ok && mem.WriteUint32Le(at, to) && mem.WriteString(to, v) && mem.WriteByte(to+uint32(len(v)), 0)
			at, to = at+4, to+uint32(len(v))+1
		}
		s[0] = fault(ok)
	}
}
