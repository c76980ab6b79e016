package sed

import (
	"context"
	"io"
	"testing"
)

// stops ends a script that loops.
type stops struct {
	context.Context
	left int
}

func (s *stops) Err() error {
	if s.left--; s.left < 0 {
		return context.Canceled
	}
	return nil
}

// FuzzSed: no script is a panic, read or run.
func FuzzSed(f *testing.F) {
	for _, s := range []string{"p", "1!G;h;$!d", "s/a\\(b\\)*/[\\1&]/2gpI", "/a/,/b/{n;d\n}", ":a;s/^x/y/;ta", "y/ab/ba/", "a\\\nx\\\ny", "$!N;P;D", "#n\n2q", "//s//x/", "2,+1c x", "{", "s|[|]|x|", "\\,a,d"} {
		f.Add(s, "a\nb\nab\n", false)
	}
	f.Fuzz(func(t *testing.T, script, text string, extended bool) {
		p, err := Parse(script, extended)
		if err != nil || len(p.Files) > 0 {
			return
		}
		for _, c := range p.cmds {
			if c.letter == 'r' {
				return
			}
		}
		in := func() ([]byte, bool, error) {
			if text == "" {
				return nil, false, io.EOF
			}
			n := min(len(text), 3)
			line := text[:n]
			text = text[n:]
			return []byte(line), true, nil
		}
		// A script may double a line for ever; people's do not. An expression may be too hard: an error is
		// well.
		_ = p.Run(&stops{Context: t.Context(), left: 30}, in, &Output{W: io.Discard}, nil, false)
	})
}
