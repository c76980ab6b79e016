package check

import (
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

// schemeField is one template of [netboot] and what its values must be.
type schemeField struct {
	key   string
	of    func(raw *toml.Scheme) toml.Str
	check func(value string) (reason string)
	set   func(n *model.HostNetboot, value string)
	name  func(value string) string // the iSCSI name in it, which no two hosts may share; nil if it has none
}

func schemeFields() []schemeField {
	return []schemeField{
		{"initiator", func(r *toml.Scheme) toml.Str { return r.Initiator }, notISCSIName, func(n *model.HostNetboot, v string) { n.Initiator = v }, strings.ToLower},
		{"root-path", func(r *toml.Scheme) toml.Str { return r.RootPath }, notRootPath, func(n *model.HostNetboot, v string) { n.RootPath, n.Target = v, targetOf(v) }, targetOf},
		{"root-path2", func(r *toml.Scheme) toml.Str { return r.RootPath2 }, notRootPath, func(n *model.HostNetboot, v string) { n.RootPath2 = v }, targetOf},
		{"script", func(r *toml.Scheme) toml.Str { return r.Script }, notScript, func(n *model.HostNetboot, v string) { n.Script = v }, nil},
		{"http", func(r *toml.Scheme) toml.Str { return r.HTTP }, notHTTPDirectory, func(n *model.HostNetboot, v string) { n.HTTP = v }, nil},
		{"bios", func(r *toml.Scheme) toml.Str { return r.BIOS }, notBootFile, func(n *model.HostNetboot, v string) { n.BIOS = v }, nil},
		{"uefi", func(r *toml.Scheme) toml.Str { return r.UEFI }, notBootFile, func(n *model.HostNetboot, v string) { n.UEFI = v }, nil},
		{"uefi-arm64", func(r *toml.Scheme) toml.Str { return r.UEFIARM64 }, notBootFile, func(n *model.HostNetboot, v string) { n.UEFIARM64 = v }, nil},
		{"uefi-ia32", func(r *toml.Scheme) toml.Str { return r.UEFIIA32 }, notBootFile, func(n *model.HostNetboot, v string) { n.UEFIIA32 = v }, nil},
		{"uefi-arm32", func(r *toml.Scheme) toml.Str { return r.UEFIARM32 }, notBootFile, func(n *model.HostNetboot, v string) { n.UEFIARM32 = v }, nil},
		{"uefi-riscv64", func(r *toml.Scheme) toml.Str { return r.UEFIRISCV64 }, notBootFile, func(n *model.HostNetboot, v string) { n.UEFIRISCV64 = v }, nil},
		{"uefi-loong64", func(r *toml.Scheme) toml.Str { return r.UEFILoong64 }, notBootFile, func(n *model.HostNetboot, v string) { n.UEFILoong64 = v }, nil},
	}
}

// profileServer and profileInstall are the other keys of a profile.
const (
	profileServer  = "server"
	profileInstall = "install"
)

// profile returns the settings of [host.netboot]. They change where the templates of
// a host come from; what comes out is derived from all of them together.
func (l *loader) profile(raw toml.Profile) []setting {
	var all []setting
	add := func(key string, v toml.Str) {
		if v.OK() {
			all = append(all, setting{"netboot." + key, v.At, func(h *hostEntry) { h.setProfile(key, v) }})
		}
	}
	add(profileServer, raw.Server)
	for _, f := range schemeFields() {
		add(f.key, f.of(&raw.Scheme))
	}
	if raw.Install.OK() {
		add(profileInstall, toml.Str{Text: strconv.FormatBool(raw.Install.Value), At: raw.Install.At})
	}
	return all
}

func (h *hostEntry) setProfile(key string, v toml.Str) {
	if h.profile == nil {
		h.profile = map[string]toml.Str{}
	}
	h.profile[key] = v
}

// checkProfiles looks at what the hosts are told as a whole, and for groups that say
// how hosts boot which do not.
func (l *loader) checkProfiles(clients []*hostEntry) {
	said := map[source.Span]bool{}
	for _, h := range clients {
		h.Netboot.Install = h.profile[profileInstall].Text == "true"
		l.checkWhole(h, said)
	}
	for _, g := range l.groups {
		at, found := g.raw.Netboot.At, false
		for _, m := range g.members {
			if found = found || m.host.Netboot != nil; at.OK() && m.inFull && m.host.Netboot == nil {
				l.Against(at, m.host.at, "netboot for %q, which does not boot from the network; expected it among the hosts of [netboot]", m.host.Name)
				found = true // it has been said
			}
		}
		if at.OK() && len(g.members) > 0 && !found {
			l.Against(at, l.raw.Netboot.Hosts.At, "netboot for hosts of which none boots from the network; expected one of them among the hosts of [netboot]")
		}
	}
}

// checkWhole refuses what makes no sense together. It is said once for each place.
func (l *loader) checkWhole(h *hostEntry, said map[source.Span]bool) {
	n := h.Netboot
	wrong := func(key, format string, args ...any) {
		if at := l.templateAt(h, key); !said[at] {
			said[at] = true
			l.At(at, format, args...)
		}
	}
	files := n.BIOS + n.UEFI + n.UEFIARM64 + n.UEFIIA32 + n.UEFIARM32 + n.UEFIRISCV64 + n.UEFILoong64
	if n.HTTP != "" && files == "" {
		wrong("http", "http leads %q to no file; expected uefi, or another of the files, too", h.Name)
	}
	if n.Install && n.Script == "" {
		wrong(profileInstall, "install without a script for %q: iPXE would attach the disk and start nothing; expected the key script too", h.Name)
	}
	if n.RootPath2 != "" && n.RootPath == "" {
		wrong("root-path2", "root-path2 is a second way for %q, which has no root-path; expected that too", h.Name)
	}
	for _, o := range h.Options {
		if o.Code == 17 && n.RootPath != "" || o.Code == 203 && n.Initiator != "" {
			key := map[uint8]string{17: "root-path", 203: "initiator"}[o.Code]
			l.Against(h.settings[optionKey(o.Code)].at, l.templateAt(h, key), "%s of %q is what netboot's %s says; expected one of the two", optionKey(o.Code), h.Name, key)
		}
	}
}

// templateAt returns the place of the key that counts for a host.
func (l *loader) templateAt(h *hostEntry, key string) source.Span {
	if v, own := h.profile[key]; own {
		return v.At
	}
	for _, f := range schemeFields() {
		if f.key == key {
			return f.of(&l.raw.Netboot.Scheme).At
		}
	}
	return source.Span{}
}
