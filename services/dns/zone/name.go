package zone

import "strings"

// maxLabels is how many labels fit into a name, without that of the root.
const maxLabels = 127

// A name is a domain name that is looked up: in lower case, with the hash of each of
// its ends, so that a name and those above it are found without reading it again.
type name struct {
	lower  [256]byte // in wire form
	n      int       // its length, the root's label included
	labels int       // without the root's
	at     [maxLabels + 1]uint8
	hash   [maxLabels + 1]uint32 // of lower[at[i]:n]
}

// set reports whether wire is one name in wire form, whole and not compressed
// (RFC 1035 3.1), and takes it.
func (m *name) set(wire []byte) bool {
	if len(wire) == 0 || len(wire) > 255 {
		return false
	}
	m.n, m.labels = len(wire), 0
	for i := 0; ; {
		size := int(wire[i])
		m.lower[i] = wire[i]
		if size == 0 {
			m.at[m.labels] = uint8(i)
			m.rehash()
			return i == len(wire)-1
		}
		if size > 63 || i+size+1 >= len(wire) {
			return false
		}
		m.at[m.labels] = uint8(i)
		m.labels++
		for j := i + 1; j <= i+size; j++ {
			m.lower[j] = lower(wire[j])
		}
		i += size + 1
	}
}

// rehash makes the hashes, from the root down: FNV-1a, label by label. Names are the
// site's; those of leases have a table of their own, and as many as there are leases.
func (m *name) rehash() {
	h := uint32(hashStart)
	m.hash[m.labels] = h
	end := int(m.at[m.labels])
	for i := m.labels - 1; i >= 0; i-- {
		h = hashBytes(h, m.lower[m.at[i]:end])
		m.hash[i] = h
		end = int(m.at[i])
	}
}

const (
	hashStart = 2166136261
	hashPrime = 16777619
)

func hashBytes[T ~string | ~[]byte](h uint32, b T) uint32 {
	for i := range len(b) {
		h = (h ^ uint32(b[i])) * hashPrime
	}
	return h
}

// from returns the end of the name that starts with its label i.
func (m *name) from(i int) []byte { return m.lower[m.at[i]:m.n] }

// label returns label i without its length.
func (m *name) label(i int) []byte {
	at := int(m.at[i])
	return m.lower[at+1 : at+1+int(m.lower[at])]
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// appendName appends a name of the Config in wire form, and reports whether it is one.
// The domain is in wire form.
func appendName(b []byte, s string, domain []byte) ([]byte, bool) {
	start := len(b)
	rest, whole := strings.CutSuffix(s, ".")
	switch {
	case s == ".":
		return append(b, 0), true
	case s == "@":
		return append(b, domain...), true
	}
	for label := range strings.SplitSeq(rest, ".") {
		if len(label) == 0 || len(label) > 63 {
			return b, false
		}
		b = append(append(b, byte(len(label))), label...)
	}
	if whole {
		b = append(b, 0)
	} else {
		b = append(b, domain...)
	}
	return b, len(b)-start <= 255
}

// isLabel reports whether s is a label of a host name: RFC 1123 2.1.
func isLabel(s string) bool {
	return len(s) > 0 && len(s) <= 63 && s[0] != '-' && s[len(s)-1] != '-' && hasOnly(s, "-")
}

// isHostName reports whether each label of a name of the Config is one of a host name.
func isHostName(s string) bool {
	for label := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		if !isLabel(label) {
			return false
		}
	}
	return true
}

// isRecordName reports whether s may be the name of a record: labels with underscores
// too, a star for the first of them if star is set.
func isRecordName(s string, star bool) bool {
	if s == "@" {
		return true
	}
	s = strings.TrimSuffix(s, ".")
	if star {
		if s == "*" {
			return true
		}
		s = strings.TrimPrefix(s, "*.")
	}
	for label := range strings.SplitSeq(s, ".") {
		if len(label) == 0 || len(label) > 63 || !hasOnly(label, "-_") {
			return false
		}
	}
	return true
}

// hasOnly reports whether s has letters, digits and the others only.
func hasOnly(s, others string) bool {
	for i := range len(s) {
		c := lower(s[i])
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && strings.IndexByte(others, c) < 0 {
			return false
		}
	}
	return true
}

// display returns a name in wire form as people write it, with a dot at the end.
func display(wire []byte) string {
	var b strings.Builder
	for len(wire) > 1 {
		b.Write(wire[1 : 1+wire[0]])
		b.WriteByte('.')
		wire = wire[1+wire[0]:]
	}
	if b.Len() == 0 {
		return "."
	}
	return b.String()
}
