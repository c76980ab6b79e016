package escape

import "testing"

func TestNext(t *testing.T) {
	for _, tt := range []struct{ typed, want string }{
		{"ls ~\r", "ls ~\r"},
		{"~", ""},
		{"~~", "~"},
		{"~~.", "~."},
		{"~x~.", "~x~."},
		{"ls\r~.more", "ls\r<end>"},
		{"~?~?ls", "<help><help>ls"},
		{"\n~\r~.", "\n~\r<end>"},
		{"a~.", "a~."},
	} {
		for _, pieces := range []bool{false, true} {
			f, got := New(Char), ""
			feed := func(p []byte) {
				for p != nil {
					send, what, rest := f.Next(p)
					got += string(send) + map[What]string{Disconnect: "<end>", Help: "<help>"}[what]
					if p = rest; len(p) == 0 {
						p = nil
					}
				}
			}
			if !pieces {
				feed([]byte(tt.typed))
			} else {
				for _, b := range []byte(tt.typed) {
					if len(got) < 5 || got[len(got)-5:] != "<end>" {
						feed([]byte{b})
					}
				}
			}
			if got != tt.want {
				t.Errorf("%q: %q, want %q", tt.typed, got, tt.want)
			}
		}
	}
	if send, what, _ := New(0).Next([]byte("~.")); string(send) != "~." || what != Nothing {
		t.Errorf("without a character: %q, %v", send, what)
	}
}
