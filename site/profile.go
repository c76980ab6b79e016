package site

import "strings"

// schemeField is one template of [netboot] and what its values must be.
type schemeField struct {
	key   string
	of    func(raw *rawScheme) str
	check func(value string) (reason string)
	set   func(n *HostNetboot, value string)
	name  func(value string) string // the iSCSI name in it, which no two hosts may share; nil if it has none
}

func schemeFields() []schemeField {
	return []schemeField{
		{"initiator", func(r *rawScheme) str { return r.Initiator }, notISCSIName, func(n *HostNetboot, v string) { n.Initiator = v }, strings.ToLower},
		{"root-path", func(r *rawScheme) str { return r.RootPath }, notRootPath, func(n *HostNetboot, v string) { n.RootPath, n.Target = v, targetOf(v) }, targetOf},
		{"root-path2", func(r *rawScheme) str { return r.RootPath2 }, notRootPath, func(n *HostNetboot, v string) { n.RootPath2 = v }, targetOf},
		{"script", func(r *rawScheme) str { return r.Script }, notScript, func(n *HostNetboot, v string) { n.Script = v }, nil},
		{"http", func(r *rawScheme) str { return r.HTTP }, notHTTPDirectory, func(n *HostNetboot, v string) { n.HTTP = v }, nil},
		{"bios", func(r *rawScheme) str { return r.BIOS }, notBootFile, func(n *HostNetboot, v string) { n.BIOS = v }, nil},
		{"uefi", func(r *rawScheme) str { return r.UEFI }, notBootFile, func(n *HostNetboot, v string) { n.UEFI = v }, nil},
		{"uefi-arm64", func(r *rawScheme) str { return r.UEFIARM64 }, notBootFile, func(n *HostNetboot, v string) { n.UEFIARM64 = v }, nil},
		{"uefi-ia32", func(r *rawScheme) str { return r.UEFIIA32 }, notBootFile, func(n *HostNetboot, v string) { n.UEFIIA32 = v }, nil},
		{"uefi-arm32", func(r *rawScheme) str { return r.UEFIARM32 }, notBootFile, func(n *HostNetboot, v string) { n.UEFIARM32 = v }, nil},
		{"uefi-riscv64", func(r *rawScheme) str { return r.UEFIRISCV64 }, notBootFile, func(n *HostNetboot, v string) { n.UEFIRISCV64 = v }, nil},
		{"uefi-loong64", func(r *rawScheme) str { return r.UEFILoong64 }, notBootFile, func(n *HostNetboot, v string) { n.UEFILoong64 = v }, nil},
	}
}

// profileServer and profileInstall are the other keys of a profile.
const (
	profileServer  = "server"
	profileInstall = "install"
)

// profile returns the settings of [host.netboot]. They change where the templates of
// a host come from; what comes out is derived from all of them together.
func (l *loader) profile(raw rawProfile) []setting {
	var all []setting
	add := func(key string, v str) {
		if v.ok() {
			all = append(all, setting{"netboot." + key, v.at, func(h *hostEntry) { h.setProfile(key, v) }})
		}
	}
	add(profileServer, raw.Server)
	for _, f := range schemeFields() {
		add(f.key, f.of(&raw.rawScheme))
	}
	if raw.Install.ok() {
		add(profileInstall, str{map[bool]string{true: "true", false: "false"}[raw.Install.b], raw.Install.at})
	}
	return all
}

func (h *hostEntry) setProfile(key string, v str) {
	if h.profile == nil {
		h.profile = map[string]str{}
	}
	h.profile[key] = v
}

// checkProfiles looks at what the hosts are told as a whole, and for groups that say
// how hosts boot which do not.
func (l *loader) checkProfiles(clients []*hostEntry) {
	said := map[span]bool{}
	for _, h := range clients {
		h.Netboot.Install = h.profile[profileInstall].s == "true"
		l.checkWhole(h, said)
	}
	for _, g := range l.groups {
		at, found := g.raw.Netboot.At, false
		for _, m := range g.members {
			if found = found || m.host.Netboot != nil; at.ok() && m.inFull && m.host.Netboot == nil {
				l.against(at, m.host.at, "netboot for %q, which does not boot from the network; expected it among the hosts of [netboot]", m.host.Name)
				found = true // it has been said
			}
		}
		if at.ok() && len(g.members) > 0 && !found {
			l.against(at, l.raw.Netboot.Hosts.at, "netboot for hosts of which none boots from the network; expected one of them among the hosts of [netboot]")
		}
	}
}

// checkWhole refuses what makes no sense together. It is said once for each place.
func (l *loader) checkWhole(h *hostEntry, said map[span]bool) {
	n := h.Netboot
	wrong := func(key, format string, args ...any) {
		if at := l.templateAt(h, key); !said[at] {
			said[at] = true
			l.at(at, format, args...)
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
			l.against(h.settings[optionKey(o.Code)].at, l.templateAt(h, key), "%s of %q is what netboot's %s says; expected one of the two", optionKey(o.Code), h.Name, key)
		}
	}
}

// templateAt returns the place of the key that counts for a host.
func (l *loader) templateAt(h *hostEntry, key string) span {
	if v, own := h.profile[key]; own {
		return v.at
	}
	for _, f := range schemeFields() {
		if f.key == key {
			return f.of(&l.raw.Netboot.rawScheme).at
		}
	}
	return span{}
}
