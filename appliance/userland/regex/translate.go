package regex

import (
	"fmt"
	"regexp"
	"strings"
)

// translate writes a pattern for package regexp, each byte a letter of Latin-1; false: it has no words for
// it.
func translate(n *node) (string, bool) {
	t := translator{ok: true}
	t.write(n)
	return t.String(), t.ok
}

type translator struct {
	strings.Builder
	ok bool
}

func (t *translator) write(n *node) {
	switch n.kind {
	case kSet:
		t.set(n.set)
	case kBegin, kEnd:
		t.edge(n)
	case kTextBegin:
		t.WriteString(`\A`)
	case kTextEnd:
		t.WriteString(`\z`)
	case kWordEdge:
		t.WriteString(`\b`)
	case kNoWordEdge:
		t.WriteString(`\B`)
	case kCat:
		for i, sub := range n.subs {
			if wordEdge(n.subs, i) {
				t.WriteString(`\b`)
			} else {
				t.write(sub)
			}
		}
	case kAlt:
		t.alternatives(n)
	case kRepeat:
		t.repeat(n)
	case kGroup:
		t.WriteString("(")
		t.write(n.subs[0])
		t.WriteString(")")
	case kWordBegin, kWordEnd, kBack:
		t.ok = false
	}
}

func (t *translator) edge(n *node) {
	text := map[bool][2]string{false: {`\A`, `\z`}, true: {`(?m:^)`, `(?m:$)`}}[n.lines]
	if n.kind == kBegin {
		t.WriteString(text[0])
	} else {
		t.WriteString(text[1])
	}
}

// wordEdge: \< before what must be of a word is \b, and so is \> behind it.
func wordEdge(subs []*node, i int) bool {
	other := i + 1
	if subs[i].kind == kWordEnd {
		other = i - 1
	} else if subs[i].kind != kWordBegin {
		return false
	}
	if other < 0 || other >= len(subs) {
		return false
	}
	n := subs[other]
	if n.kind == kRepeat && n.lo > 0 {
		n = n.subs[0]
	}
	var word set
	word.class("alnum")
	word.add('_')
	return n.kind == kSet && n.set.within(&word)
}

func (t *translator) alternatives(n *node) {
	t.WriteString("(?:")
	for i, sub := range n.subs {
		if i > 0 {
			t.WriteString("|")
		}
		t.write(sub)
	}
	t.WriteString(")")
}

func (t *translator) repeat(n *node) {
	t.WriteString("(?:")
	t.write(n.subs[0])
	switch {
	case n.hi == -1 && n.lo == 0:
		t.WriteString(")*")
	case n.hi == -1 && n.lo == 1:
		t.WriteString(")+")
	case n.hi == -1:
		fmt.Fprintf(t, "){%d,}", n.lo)
	default:
		fmt.Fprintf(t, "){%d,%d}", n.lo, n.hi)
	}
}

func (t *translator) set(s set) {
	if b, ok := s.one(); ok {
		t.WriteString(regexp.QuoteMeta(string(rune(b))))
		return
	}
	if s == (set{}) {
		t.WriteString(`[^\x{0}-\x{10ffff}]`)
		return
	}
	t.WriteString("[")
	for lo := 0; lo < 256; lo++ {
		if !s.has(byte(lo)) {
			continue
		}
		hi := lo
		for hi < 255 && s.has(byte(hi+1)) {
			hi++
		}
		fmt.Fprintf(t, `\x{%x}-\x{%x}`, lo, hi)
		lo = hi
	}
	t.WriteString("]")
}
