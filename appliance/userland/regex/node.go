package regex

// kind is what a node of a pattern is.
type kind int

const (
	kEmpty      kind = iota
	kSet             // one byte of a set
	kBegin           // ^
	kEnd             // $
	kTextBegin       // \`
	kTextEnd         // \'
	kWordBegin       // \<
	kWordEnd         // \>
	kWordEdge        // \b
	kNoWordEdge      // \B
	kCat             // subs, one after the other
	kAlt             // one of subs
	kRepeat          // subs[0], lo to hi times; hi -1: without limit
	kGroup           // subs[0], number group
	kBack            // what group took
)

type node struct {
	kind   kind
	set    set
	lo, hi int
	group  int
	lines  bool // of ^ and $
	subs   []*node
}

// A set is of bytes.
type set [4]uint64

func (s *set) add(b byte)      { s[b>>6] |= 1 << (b & 63) }
func (s *set) has(b byte) bool { return s[b>>6]&(1<<(b&63)) != 0 }

func (s *set) addRange(lo, hi byte) {
	for b := int(lo); b <= int(hi); b++ {
		s.add(byte(b))
	}
}

func (s *set) invert() {
	for i := range s {
		s[i] = ^s[i]
	}
}

// fold adds the other case of each letter.
func (s *set) fold() {
	for b := byte('a'); b <= 'z'; b++ {
		if upper := b - 'a' + 'A'; s.has(b) || s.has(upper) {
			s.add(b)
			s.add(upper)
		}
	}
}

// one returns the byte of a set that has just one.
func (s *set) one() (b byte, ok bool) {
	n := 0
	for i := range 256 {
		if s.has(byte(i)) {
			b, n = byte(i), n+1
		}
	}
	return b, n == 1
}

// within reports whether all of s is in t.
func (s *set) within(t *set) bool {
	for i := range s {
		if s[i]&^t[i] != 0 {
			return false
		}
	}
	return true
}

func isWord(b byte) bool {
	return b == '_' || b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z'
}

// class adds a class of the C locale; false: there is none of that name.
func (s *set) class(name string) bool {
	switch name {
	case "alpha":
		s.addRange('a', 'z')
		s.addRange('A', 'Z')
	case "digit":
		s.addRange('0', '9')
	case "alnum":
		s.class("alpha")
		s.class("digit")
	case "upper":
		s.addRange('A', 'Z')
	case "lower":
		s.addRange('a', 'z')
	case "space":
		s.addRange('\t', '\r')
		s.add(' ')
	case "blank":
		s.add(' ')
		s.add('\t')
	case "punct":
		s.addRange('!', '/')
		s.addRange(':', '@')
		s.addRange('[', '`')
		s.addRange('{', '~')
	case "print":
		s.addRange(' ', '~')
	case "graph":
		s.addRange('!', '~')
	case "cntrl":
		s.addRange(0, 31)
		s.add(127)
	case "xdigit":
		s.addRange('0', '9')
		s.addRange('a', 'f')
		s.addRange('A', 'F')
	default:
		return false
	}
	return true
}
