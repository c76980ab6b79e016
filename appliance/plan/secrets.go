package plan

import (
	"crypto/sha256"
	"maps"
	"slices"

	"github.com/gatehouse-os/gatehouse/site"
)

// tunnelKeyPart compares the keys of two sites, and shows neither.
func tunnelKeyPart(s *site.Site) part {
	p := part{id: "tunnel key", title: "Key of the tunnel"}
	if s.Tunnel == nil || s.Tunnel.Update == nil {
		return p
	}
	p.lines = append(p.lines, secretLine(s.Tunnel.Update.File, s.Tunnel.Update.Key))
	return p
}

// chapPart compares the secrets of hosts that boot from the network, file by file.
func chapPart(s *site.Site) part {
	p := part{id: "chap", title: "Secrets of CHAP"}
	secrets := map[string]site.Secret{}
	for _, h := range s.Hosts {
		if h.Netboot == nil || h.Netboot.CHAP == nil {
			continue
		}
		secrets[h.Netboot.CHAP.Own.File] = h.Netboot.CHAP.Own.Secret
		if m := h.Netboot.CHAP.Mutual; m != nil {
			secrets[m.File] = m.Secret
		}
	}
	for _, file := range slices.Sorted(maps.Keys(secrets)) {
		p.lines = append(p.lines, secretLine(file, secrets[file]))
	}
	return p
}

// secretLine is compared by what is in a file, and shows its name alone.
func secretLine(file string, secret site.Secret) line {
	sum := sha256.Sum256([]byte(secret))
	l := textLine("what is in " + file)
	l.key += string(sum[:])
	return l
}
