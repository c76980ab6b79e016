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
		if f.Fate.Kind == "box" && text == "answered" {
			continue
		}
		got = append(got, text)
	}
	want := []string{f.want()}
	if want[0] == "" {
		want = nil
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("flows.txt:%d: %s %s\ncame out as %s\nwant        %s", f.Line, f.From, f.Packet, list(got), list(want))
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
	p := s.Packet
	if s.Host == f.From && p.answers(f.Packet) {
		switch {
		case p.Proto == protoICMP && p.Type == 3 && p.Code == 13, p.Proto == protoICMPv6 && p.Type == 1 && p.Code == 1:
			return "prohibited"
		case p.Proto == protoICMP && p.Type == 11, p.Proto == protoICMPv6 && p.Type == 3:
			return "expired"
		case p.Proto == protoTCP && strings.Contains(p.Flags, "R"):
			return "reset"
		}
		return "answered"
	}
	if p.Frag != "" && f.Packet.Frag != "" {
		p.Flags = f.Packet.Flags // which may be in the second fragment
	}
	text := s.Host + ": " + p.String()
	if !s.SumOK {
		text += " with a wrong checksum"
	}
	return text
}
