package probe

import "fmt"

// Problem words an error (RFC 792, RFC 1812 section 5.2.7; RFC 4443 section 3); "" for a reply.
func (m Message) Problem() string {
	switch {
	case m.Kind == Reply:
		return ""
	case m.V6:
		return m.problem6()
	}
	return m.problem4()
}

func (m Message) problem4() string {
	switch {
	case m.Kind == Unreachable && m.Code == 4:
		return fmt.Sprintf("Frag needed and DF set (mtu = %d)", m.MTU)
	case m.Kind == Unreachable:
		return "Destination " + pick(m.Code, "Net Unreachable", "Host Unreachable", "Protocol Unreachable",
			"Port Unreachable", "", "Source Route Failed", "Net Unknown", "Host Unknown", "Source Host Isolated",
			"Net Prohibited", "Host Prohibited", "Net Unreachable for Type of Service",
			"Host Unreachable for Type of Service", "Packet filtered", "Precedence Violation", "Precedence Cutoff")
	case m.Kind == Expired:
		return pick(m.Code, "Time to live exceeded", "Frag reassembly time exceeded")
	}
	return fmt.Sprintf("Parameter problem: pointer = %d", m.Pointer)
}

func (m Message) problem6() string {
	switch {
	case m.Kind == Unreachable:
		return "Destination unreachable: " + pick(m.Code, "No route", "Administratively prohibited",
			"Beyond scope of source address", "Address unreachable", "Port unreachable",
			"Source address failed ingress/egress policy", "Reject route to destination")
	case m.Kind == Expired:
		return "Time exceeded: " + pick(m.Code, "Hop limit", "Frag reassembly time")
	case m.MTU > 0:
		return fmt.Sprintf("Packet too big: mtu=%d", m.MTU)
	}
	return fmt.Sprintf("Parameter problem: pointer = %d", m.Pointer)
}

// Mark is what traceroute puts behind a time: "!H"; "" where there is nothing to say.
func (m Message) Mark() string {
	switch {
	case m.Kind == Other && m.MTU > 0:
		return fmt.Sprintf("!F-%d", m.MTU)
	case m.Kind != Unreachable || m.Code == 3 && !m.V6 || m.Code == 4 && m.V6:
		return ""
	case m.V6:
		return letter(m.Code, "!N", "!S", "!<2>", "!H")
	case m.Code == 4:
		return fmt.Sprintf("!F-%d", m.MTU)
	}
	return letter(m.Code, "!N", "!H", "!P", "", "", "!S", "!U", "!U", "!I", "!A", "!C", "!T", "!T", "!A",
		"!V", "!C")
}

// letter returns the mark for code, or its number.
func letter(code byte, marks ...string) string {
	if int(code) < len(marks) && marks[code] != "" {
		return marks[code]
	}
	return fmt.Sprintf("!<%d>", code)
}

// pick returns the word for code, or its number.
func pick(code byte, words ...string) string {
	if int(code) < len(words) && words[code] != "" {
		return words[code]
	}
	return fmt.Sprintf("code %d", code)
}
