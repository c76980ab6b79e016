package check

import (
	"math/bits"
	"net/netip"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
)

// withLength returns an address that was written with a netmask in the form that is read, in quotes, "" for
// any other text: "192.168.32.1/24" for "192.168.32.1/255.255.255.0" or the same with a blank.
func withLength(s string) string {
	address, mask, ok := strings.Cut(strings.Join(strings.Fields(strings.Replace(s, "/", " ", 1)), "/"), "/")
	a, err := netip.ParseAddr(address)
	m, err2 := netip.ParseAddr(mask)
	if !ok || err != nil || err2 != nil || !a.Is4() || !m.Is4() {
		return ""
	}
	ones := 0
	for _, octet := range m.As4() {
		ones += bits.OnesCount8(octet)
	}
	p := netip.PrefixFrom(a, ones)
	if netip.PrefixFrom(model.LimitedBroadcast(), ones).Masked().Addr() != m {
		return "" // no mask with all its ones in front
	}
	return strconv.Quote(p.String())
}

// orWithLength is what was expected in place of s: that with its length if s has a mask, else as is.
func orWithLength(s, expected string) string {
	if p := withLength(s); p != "" {
		return "expected the length of the network in place of its mask, " + p
	}
	return expected
}

// asFlow returns what was likely meant with a word that is no service, in quotes, "" if nobody knows: a port
// alone, or a protocol and a port in another order or with another sign between them.
func asFlow(word string) string {
	parts := strings.FieldsFunc(strings.ToLower(word), func(c rune) bool { return strings.ContainsRune("/:. ", c) })
	if len(parts) == 1 {
		if _, _, ok := model.ReadPorts(parts[0]); ok {
			return strconv.Quote("tcp/"+parts[0]) + " or " + strconv.Quote("udp/"+parts[0])
		}
	}
	if len(parts) != 2 {
		return ""
	}
	for _, text := range []string{parts[0] + "/" + parts[1], parts[1] + "/" + parts[0]} {
		if _, reason := model.ReadFlow(text); reason == "" {
			return strconv.Quote(text)
		}
	}
	return ""
}

// flowReason is why a text is no protocol and port, with what was likely meant.
func flowReason(text, reason string) string {
	if meant := asFlow(text); meant != "" {
		return "is no protocol with a port; did you mean " + meant + "?"
	}
	return reason
}

// portAlone is what was expected in place of a port: it and its protocol apart if s has both, else as is.
func portAlone(s, expected string) string {
	flow := strings.Trim(asFlow(s), `"`)
	if f, reason := model.ReadFlow(flow); flow != "" && reason == "" && f.First > 0 {
		_, port, _ := strings.Cut(flow, "/")
		return "expected port = " + strconv.Quote(port) + " and proto = " + strconv.Quote(f.Proto)
	}
	return expected
}
