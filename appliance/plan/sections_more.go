package plan

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/site"
)

// unprinted are parts of a site that [site.Print] does not show, or not in full.
func unprinted(s *site.Site) []part {
	all := []part{keysPart(s), toldPart(s), tunnelKeyPart(s), chapPart(s)}
	for _, l := range s.Firewall.Lists {
		list := part{id: "list " + l.Name, title: "List " + l.Name}
		for _, n := range l.Networks {
			list.lines = append(list.lines, textLine(strings.TrimSuffix(n.String(), single(n))))
		}
		all = append(all, list)
	}
	return all
}

// single is the length of a network that is one address, as text; "" of others.
func single(n netip.Prefix) string {
	if !n.IsSingleIP() {
		return ""
	}
	return fmt.Sprintf("/%d", n.Bits())
}

func textLine(cells ...string) line {
	text := strings.Join(cells, "  ")
	return line{key: text, text: text}
}

// keysPart has the keys themselves: two may have the same comment.
func keysPart(s *site.Site) part {
	p := part{id: "keys", title: "Keys that open the box"}
	for _, text := range s.AuthorizedKeys {
		fields := strings.Fields(text) // type, key, comment: site takes no others
		if len(fields) < 2 {
			continue
		}
		key, err := base64.StdEncoding.DecodeString(fields[1])
		if err != nil {
			continue
		}
		sum := sha256.Sum256(key)
		// as ssh-keygen -l has it
		p.lines = append(p.lines, textLine(strings.Join(fields[2:], " "), fields[0],
			"SHA256:"+base64.RawStdEncoding.EncodeToString(sum[:])))
	}
	return p
}

// toldPart is what single hosts are told otherwise than their neighbours.
func toldPart(s *site.Site) part {
	p := part{id: "told", title: "What single hosts are told"}
	for _, h := range s.Hosts {
		add := func(what, value string) { p.lines = append(p.lines, textLine(h.Name, what, value)) }
		for _, port := range h.Ports {
			add("port", port.String())
		}
		if h.LeaseTime > 0 {
			add("lease time", durationText(h.LeaseTime))
		}
		switch {
		case h.NoRouter:
			add("router", "none")
		case h.Router.IsValid():
			add("router", h.Router.String())
		}
		for _, o := range h.Options {
			add("option", o.String())
		}
	}
	return p
}

// durationText writes a time as site.toml has it.
func durationText(d time.Duration) string {
	if day := 24 * time.Hour; d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}
