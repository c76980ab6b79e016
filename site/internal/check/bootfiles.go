package check

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

// maxBootFiles is for how many architectures a site has files beside those with a key of their own. The
// registry has 42 in all.
const maxBootFiles = 32

// archKeys are the architectures (RFC 4578 2.1, IANA "Processor Architecture Types") whose files have a key.
func archKeys() map[uint16]string {
	return map[uint16]string{
		0: "bios", 6: "uefi-ia32", 7: "uefi", 9: "uefi", 10: "uefi-arm32", 11: "uefi-arm64",
		27: "uefi-riscv64", 39: "uefi-loong64",
	}
}

// overHTTP are those whose firmware boots by a URL.
func overHTTP(arch uint16) bool {
	return slices.Contains([]uint16{15, 16, 17, 18, 19, 20, 23, 24, 26, 28, 30, 38, 40}, arch)
}

// fields returns the templates of [netboot] and of groups: those with a key, and files by number.
func (l *loader) fields() []schemeField {
	if l.bootFiles == nil {
		l.bootFiles = l.readBootFiles()
	}
	return slices.Concat(schemeFields(), l.bootFiles)
}

// readBootFiles returns a field for each number in one of the tables, by number.
func (l *loader) readBootFiles() []schemeField {
	files := map[uint16]map[source.Span]toml.Str{} // by architecture, then by the place of the table
	tables := []toml.Options{l.raw.Netboot.Files}
	for _, g := range l.raw.Groups {
		tables = append(tables, g.Netboot.Files)
	}
	for _, table := range tables {
		for _, e := range table.Entries {
			arch, ok := l.archOf(e)
			if !ok {
				continue
			}
			if files[arch] == nil && len(files) == maxBootFiles {
				l.At(e.Name.At, "files: %d is one architecture too many; expected at most %d in a site", arch,
					maxBootFiles)
				return []schemeField{}
			}
			if files[arch] == nil {
				files[arch] = map[source.Span]toml.Str{}
			}
			files[arch][table.At] = e.Values[0]
		}
	}
	fields := []schemeField{}
	for arch, at := range files {
		fields = append(fields, bootFileField(arch, at))
	}
	slices.SortFunc(fields, func(a, b schemeField) int { return cmp.Compare(a.arch, b.arch) })
	return fields
}

// archOf reads the number of an entry, and wants one string of it.
func (l *loader) archOf(e toml.Option) (arch uint16, ok bool) {
	n, err := strconv.ParseUint(e.Name.Text, 10, 16)
	arch = uint16(n)
	switch {
	case err != nil || strconv.FormatUint(n, 10) != e.Name.Text:
		l.At(e.Name.At, "files: %q is no architecture; expected a number from 0 to 65535, such as 22 for U-Boot on ARM64", e.Name.Text)
	case archKeys()[arch] != "":
		l.At(e.Name.At, "files: architecture %d has a key of its own; expected the key %s", arch,
			archKeys()[arch])
	case !e.Quoted || len(e.Values) != 1:
		l.At(e.At, `files: the file of %d is not one string; expected one such as "u-boot.img"`, arch)
	default:
		return arch, true
	}
	return 0, false
}

func bootFileField(arch uint16, at map[source.Span]toml.Str) schemeField {
	set := func(n *model.HostNetboot, value string) {
		if n.Files == nil {
			n.Files = map[uint16]string{}
		}
		n.Files[arch] = value
	}
	check := notBootFile
	if overHTTP(arch) {
		check = notBootURL
	}
	return schemeField{
		key: "files." + strconv.Itoa(int(arch)), arch: arch, of: func(r *toml.Scheme) toml.Str {
			return at[r.Files.At]
		},
		check: check, set: set,
	}
}

// notBootURL says why firmware that boots over HTTP cannot be told s: a URL, or a file below that of http.
func notBootURL(s string) string {
	if !strings.Contains(s, "://") {
		return notBootFile(s)
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || !isGraphic(s) || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return `is no URL with http or https; expected one such as "http://{server}/u-boot.efi"`
	case u.User != nil:
		return "has a user name or password, which everyone on the network could ask for; expected none"
	case len(s) > maxScript:
		return fmt.Sprintf("has %d bytes; expected at most %d, the length of one DHCP option", len(s),
			maxScript)
	}
	return ""
}
