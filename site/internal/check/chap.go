package check

import (
	"fmt"
	"strings"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/option"
	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

// The keys of CHAP.
const (
	chapUser         = "chap-user"
	chapSecret       = "chap-secret-file"
	chapMutualUser   = "chap-mutual-user"
	chapMutualSecret = "chap-mutual-secret-file"
)

const (
	maxCHAPUser   = 64
	minCHAPSecret = 12 // 96 bits: with less, CHAP needs IPsec (RFC 7143 9.2.1)
	maxCHAPSecret = 64
	maxOption175  = 255 // iPXE reads one option
)

// chapFields are its templates. A secret stays the name of its file until all of a host is known.
func chapFields() []schemeField {
	own := func(n *model.HostNetboot) *model.Proof { return &chapOf(n).Own }
	mutual := func(n *model.HostNetboot) *model.Proof {
		if c := chapOf(n); c.Mutual == nil {
			c.Mutual = &model.Proof{}
		}
		return n.CHAP.Mutual
	}
	return []schemeField{
		{key: chapUser, of: func(r *toml.Scheme) toml.Str { return r.CHAPUser }, check: notCHAPUser,
			set: func(n *model.HostNetboot, v string) { own(n).User = v }},
		{key: chapSecret, of: func(r *toml.Scheme) toml.Str { return r.CHAPSecret }, check: anything,
			set: func(n *model.HostNetboot, v string) { own(n).File = v }},
		{key: chapMutualUser, of: func(r *toml.Scheme) toml.Str { return r.CHAPMutualUser },
			check: notCHAPUser,
			set:   func(n *model.HostNetboot, v string) { mutual(n).User = v }},
		{key: chapMutualSecret, of: func(r *toml.Scheme) toml.Str { return r.CHAPMutualSecret },
			check: anything,
			set:   func(n *model.HostNetboot, v string) { mutual(n).File = v }},
	}
}

func chapOf(n *model.HostNetboot) *model.CHAP {
	if n.CHAP == nil {
		n.CHAP = &model.CHAP{}
	}
	return n.CHAP
}

func anything(string) string { return "" }

// notCHAPUser says why s is no name for CHAP, "" if it is one. It stands in commands for the target's machine
// as it is.
func notCHAPUser(s string) string {
	odd := func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') &&
			!strings.ContainsRune(".:@_-", c)
	}
	if s == "" || len(s) > maxCHAPUser || strings.ContainsFunc(s, odd) || s[0] == '-' {
		return fmt.Sprintf(`%q cannot be one; expected 1 to %d letters, digits and ".", ":", "@", "_", "-"`,
			s, maxCHAPUser)
	}
	return ""
}

// checkCHAP reads the secrets of a host, and wants of it what they need. wrong reports by key, once for each
// place.
func (l *loader) checkCHAP(h *hostEntry, wrong func(key, format string, args ...any)) {
	c := h.Netboot.CHAP
	if c == nil {
		return
	}
	l.readProof(h, &c.Own, chapUser, chapSecret, wrong)
	l.readProof(h, c.Mutual, chapMutualUser, chapMutualSecret, wrong)
	switch {
	case c.Own == (model.Proof{}):
		wrong(chapMutualUser, "%s without %s for %q: a target proves itself to whom it asks for a proof; expected both",
			chapMutualUser, chapUser, h.Name)
	case h.Netboot.RootPath == "":
		wrong(chapUser, "%s is for the target of %q, which has no root-path; expected that too", chapUser,
			h.Name)
	case len(h.MACs) == 0 && len(h.Ports) > 0:
		wrong(chapUser, "%s for %q, which is known by its port, where any card can be plugged in; expected a line for it in ethers",
			chapUser, h.Name)
	case c.Mutual != nil && c.Own.Secret != "" && c.Own.Secret == c.Mutual.Secret:
		wrong(chapMutualSecret, "%s: %s and %s of %q have the same secret in them; expected two (RFC 7143 12.1.3)",
			chapMutualSecret, c.Own.File, c.Mutual.File, h.Name)
	}
}

// readProof reads the secret of a proof, of which there may be none.
func (l *loader) readProof(h *hostEntry, p *model.Proof, user, file string,
	wrong func(key, format string, args ...any)) {
	switch {
	case p == nil || *p == model.Proof{}:
	case p.User == "":
		wrong(file, "%s without a name for %q; expected the key %s too", file, h.Name, user)
	case p.File == "":
		wrong(user, "%s without a secret for %q; expected the key %s too", user, h.Name, file)
	default:
		form := secretForm{file, "a secret for CHAP", "chap/web1", minCHAPSecret, maxCHAPSecret}
		p.Secret = l.secret(l.templateAt(h, file), p.File, form)
	}
}

// within175 are the sub-options of option 175 by which a host is told what keys say.
func within175() map[byte]string {
	return map[byte]string{190: chapUser, 191: chapSecret, 192: chapMutualUser, 193: chapMutualSecret}
}

// notIPXE says why a value cannot be that of option 175, "" if it can. Secrets in it would be shown.
func notIPXE(data []byte) string {
	if !option.IsWithin(data) {
		return `is not options within it; expected a number, a length and a value of each, as in "b0:01:01"`
	}
	for sub := range option.Within(data) {
		if key := within175()[sub.Code]; key != "" {
			return fmt.Sprintf("has %d in it, for everybody who sees this file; expected the key %s of netboot", sub.Code, key)
		}
	}
	return ""
}

// length175 is what a host's option 175 has at most, beside what its network says.
func length175(n *model.HostNetboot, options []model.Option) int {
	size := 3 // not to wait for a proxy
	if n.Install {
		size += 6
	}
	if c := n.CHAP; c != nil {
		size += 4 + len(c.Own.User) + len(c.Own.Secret)
		if c.Mutual != nil {
			size += 4 + len(c.Mutual.User) + len(c.Mutual.Secret)
		}
	}
	for _, o := range options {
		if o.Code == 175 {
			size += len(o.Data)
		}
	}
	return size
}
