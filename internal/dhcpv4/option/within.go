package option

import "iter"

// Sub is an option within an option.
type Sub struct {
	Code byte
	Data []byte
}

// Within returns the options within a value, each a code, a length and its data, up to the first that is cut
// short. Pad and End are passed over, as clients do.
func Within(b []byte) iter.Seq[Sub] {
	return func(yield func(Sub) bool) {
		for len(b) > 0 {
			if b[0] == 0 || b[0] == 255 {
				b = b[1:]
				continue
			}
			if len(b) < 2 || len(b) < 2+int(b[1]) {
				return
			}
			if !yield(Sub{b[0], b[2 : 2+int(b[1])]}) {
				return
			}
			b = b[2+int(b[1]):]
		}
	}
}

// IsWithin reports whether all of a value is options within it, of which there is one at least.
func IsWithin(b []byte) bool {
	_, ok := formatEncapsulated(b)
	return ok
}
