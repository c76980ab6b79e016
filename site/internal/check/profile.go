package check

import (
	"fmt"
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
	arch  uint16                    // of a file by number
}

// schemeFields are those with a key of their own.
func schemeFields() []schemeField {
	return append([]schemeField{
		{key: "initiator", of: func(r *toml.Scheme) toml.Str { return r.Initiator }, check: notISCSIName,
			set: func(n *model.HostNetboot, v string) { n.Initiator = v }, name: strings.ToLower},
		{key: "root-path", of: func(r *toml.Scheme) toml.Str { return r.RootPath }, check: notRootPath,
			set: func(n *model.HostNetboot, v string) {
				n.RootPath, n.Target = v, targetOf(v)
			}, name: targetOf},
		{key: "root-path2", of: func(r *toml.Scheme) toml.Str { return r.RootPath2 }, check: notRootPath,
			set: func(n *model.HostNetboot, v string) { n.RootPath2 = v }, name: targetOf},
		{key: "script", of: func(r *toml.Scheme) toml.Str { return r.Script }, check: notScript,
			set: func(n *model.HostNetboot, v string) { n.Script = v }},
		{key: "http", of: func(r *toml.Scheme) toml.Str { return r.HTTP }, check: notHTTPDirectory,
			set: func(n *model.HostNetboot, v string) { n.HTTP = v }},
		{key: "bios", of: func(r *toml.Scheme) toml.Str { return r.BIOS }, check: notBootFile,
			set: func(n *model.HostNetboot, v string) { n.BIOS = v }},
		{key: "uefi", of: func(r *toml.Scheme) toml.Str { return r.UEFI }, check: notBootFile,
			set: func(n *model.HostNetboot, v string) { n.UEFI = v }},
		{key: "uefi-arm64", of: func(r *toml.Scheme) toml.Str { return r.UEFIARM64 }, check: notBootFile,
			set: func(n *model.HostNetboot, v string) { n.UEFIARM64 = v }},
		{key: "uefi-ia32", of: func(r *toml.Scheme) toml.Str { return r.UEFIIA32 }, check: notBootFile,
			set: func(n *model.HostNetboot, v string) { n.UEFIIA32 = v }},
		{key: "uefi-arm32", of: func(r *toml.Scheme) toml.Str { return r.UEFIARM32 }, check: notBootFile,
			set: func(n *model.HostNetboot, v string) { n.UEFIARM32 = v }},
		{key: "uefi-riscv64", of: func(r *toml.Scheme) toml.Str { return r.UEFIRISCV64 }, check: notBootFile,
			set: func(n *model.HostNetboot, v string) { n.UEFIRISCV64 = v }},
		{key: "uefi-loong64", of: func(r *toml.Scheme) toml.Str { return r.UEFILoong64 }, check: notBootFile,
			set: func(n *model.HostNetboot, v string) { n.UEFILoong64 = v }},
	}, chapFields()...)
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
	for _, f := range l.fields() {
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
				l.Against(at, m.host.at,
					"netboot for %q, which does not boot from the network; expected it among the hosts of [netboot]", m.host.Name)
				found = true // it has been said
			}
		}
		if at.OK() && len(g.members) > 0 && !found {
			l.Against(at, l.raw.Netboot.Hosts.At,
				"netboot for hosts of which none boots from the network; expected one of them among the hosts of [netboot]")
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
	if n.HTTP != "" && fileKey(n) == "" {
		wrong("http", "http leads %q to no file; expected uefi, or another of the files, too", h.Name)
	}
	for arch, file := range n.Files {
		if overHTTP(arch) && n.HTTP == "" && !strings.Contains(file, "://") {
			key := fmt.Sprintf("files.%d", arch)
			wrong(key, "%s of %q is the name of a file, which such firmware fetches by HTTP; expected a URL, or the key http too", key, h.Name)
		}
	}
	if n.Install && n.Script == "" {
		wrong(profileInstall, "install without a script for %q: iPXE would attach the disk and start nothing; expected the key script too", h.Name)
	}
	if n.RootPath2 != "" && n.RootPath == "" {
		wrong("root-path2", "root-path2 is a second way for %q, which has no root-path; expected that too",
			h.Name)
	}
	l.checkCHAP(h, wrong)
	for _, o := range h.Options {
		if key, what := overridden(n, o); key != "" {
			l.Against(h.settings[optionKey(o.Code)].at, l.templateAt(h, key),
				"%s of %q is what netboot's %s says; expected one of the two", what, h.Name, key)
		}
	}
	if size := length175(n, h.Options); size > maxOption175 {
		at := l.templateAt(h, chapUser)
		if !at.OK() {
			at = h.settings[optionKey(175)].at
		}
		l.At(at, "option 175 of %q, with names and secrets of CHAP in it, has %d bytes; expected at most %d, for iPXE reads one",
			h.Name, size, maxOption175)
	}
}

// templateAt returns the place of the key that counts for a host.
func (l *loader) templateAt(h *hostEntry, key string) source.Span {
	if v, own := h.profile[key]; own {
		return v.At
	}
	if key == profileServer {
		return l.raw.Netboot.Server.At
	}
	for _, f := range l.fields() {
		if f.key == key {
			return f.of(&l.raw.Netboot.Scheme).At
		}
	}
	return source.Span{}
}
