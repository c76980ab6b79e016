package flowtest

import (
	"fmt"
	"slices"
	"strings"
)

// Check holds what came out against the fate of a flow. The error says what came instead.
func (f Flow) Check(seen []Seen) error {
	var got []string
	for _, s := range seen {
		text := f.judge(s)
		// its own reset, of a port without a service
		if f.Fate.Kind == "box" && (text == "answered" || text == "reset") {
			continue
		}
		got = append(got, text)
	}
	want := []string{f.want()}
	if want[0] == "" {
		want = nil
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("flows.txt:%d: %s %s\ncame out as %s\nwant        %s", f.Line, f.From, f.Packet,
			list(got), list(want))
	}
	return nil
}

func list(what []string) string {
	if len(what) == 0 {
		return "nothing"
	}
	return strings.Join(what, "; ")
}

// want is what judge says of what must come out, "" for nothing.
func (f Flow) want() string {
	switch f.Fate.Kind {
	case "dropped", "box", "ignored":
		return ""
	case "":
		p := f.Packet
		p.Src, p.Dst = f.Fate.Src, f.Fate.Dst
		p.About = nil
		text := f.Fate.Host + ": " + p.String()
		if f.Fate.About != "" {
			text += " about " + f.Fate.About
		}
		return text
	}
	return f.Fate.Kind
}

// judge says in a word what an answer to the flow's packet means, and in full what else came out.
func (f Flow) judge(s Seen) string {
	if word := Answer(f.From, f.Packet, s); word != "" {
		return word
	}
	p := s.Packet
	if p.Frag != "" && f.Packet.Frag != "" {
		p.Flags = f.Packet.Flags // which may be in the second fragment
	}
	text := s.Host + ": " + p.String()
	if !s.SumOK {
		text += " with a wrong checksum"
	}
	return text
}

// Answer says what s means to the host that sent p: "reset", "prohibited", "expired" or "answered"; "" if s
// is no answer.
func Answer(from string, p Packet, s Seen) string {
	a := s.Packet
	switch {
	case s.Host != from || !a.answers(p):
		return ""
	case a.Proto == protoICMP && a.Type == 3 && a.Code == 13, a.Proto == protoICMPv6 && a.Type == 1 &&
		a.Code == 1:
		return "prohibited"
	case a.Proto == protoICMP && a.Type == 11, a.Proto == protoICMPv6 && a.Type == 3:
		return "expired"
	case a.Proto == protoTCP && strings.Contains(a.Flags, "R"):
		return "reset"
	}
	return "answered"
}
