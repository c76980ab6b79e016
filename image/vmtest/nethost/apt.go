package nethost

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// source is one archive of sources.list(5).
type source struct {
	options    []string // "signed-by=/usr/share/keyrings/…"
	uri, suite string
	components []string
}

// aptSources gives, as one-line entries, the archives of the Debian release codename that apt on this machine uses:
// /etc/apt as a file system in, both formats of sources.list(5). Archives of others are left out; main is enough.
func aptSources(etcApt fs.FS, codename string) (string, error) {
	names := []string{"sources.list"}
	for _, pattern := range []string{"sources.list.d/*.list", "sources.list.d/*.sources"} {
		found, err := fs.Glob(etcApt, pattern)
		if err != nil {
			return "", err
		}
		names = append(names, found...)
	}
	var out strings.Builder
	for _, name := range names {
		text, err := fs.ReadFile(etcApt, name)
		if err != nil {
			continue // without a sources.list, as new installations have it
		}
		parse := oneLineSources
		if path.Ext(name) == ".sources" {
			parse = deb822Sources
		}
		for _, s := range parse(string(text)) {
			if s.ofDebian(codename) {
				fmt.Fprintf(&out, "deb [%s] %s %s main\n", strings.Join(s.options, " "), s.uri, s.suite)
			}
		}
	}
	if out.Len() == 0 {
		return "", fmt.Errorf("no archive of Debian %q with component main in /etc/apt/sources.list or /etc/apt/sources.list.d: "+
			"the host's packages come from the mirrors that apt on this machine uses", codename)
	}
	return strings.ReplaceAll(out.String(), "[] ", ""), nil
}

// ofDebian tells whether the source is one of Debian's own for the release. Others that publish for Debian name their
// suites or components differently ("bookworm-pgdg", "stable").
func (s source) ofDebian(codename string) bool {
	suites := []string{codename, codename + "-updates", codename + "-security"}
	return codename != "" && slices.Contains(suites, s.suite) && slices.Contains(s.components, "main") && !strings.HasPrefix(s.uri, "cdrom:")
}

// oneLineSources reads "deb [options] uri suite component…" lines.
func oneLineSources(text string) []source {
	var out []source
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), "deb ")
		if !ok {
			continue
		}
		var s source
		rest = strings.TrimSpace(rest)
		if strings.HasPrefix(rest, "[") {
			options, after, _ := strings.Cut(rest[1:], "]")
			s.options, rest = strings.Fields(options), after
		}
		fields := strings.Fields(rest)
		if len(fields) < 2 {
			continue
		}
		s.uri, s.suite, s.components = fields[0], fields[1], fields[2:]
		out = append(out, s)
	}
	return out
}

// deb822Options are the fields of a stanza that have a counterpart in the options of a one-line entry.
var deb822Options = [][2]string{
	{"signed-by", "signed-by"}, {"trusted", "trusted"}, {"architectures", "arch"},
	{"check-valid-until", "check-valid-until"}, {"check-date", "check-date"},
}

// deb822Sources reads stanzas, each of which may stand for several URIs and suites.
func deb822Sources(text string) []source {
	var out []source
	for _, stanza := range strings.Split(text, "\n\n") {
		f := deb822Fields(stanza)
		if !slices.Contains(strings.Fields(f["types"]), "deb") || f["enabled"] == "no" {
			continue
		}
		var options []string
		for _, o := range deb822Options {
			// A key that stands in the stanza itself cannot be said in one line; apt then looks at its trusted keys.
			if v := f[o[0]]; v != "" && !strings.Contains(v, "BEGIN PGP") {
				options = append(options, o[1]+"="+strings.Join(strings.Fields(v), ","))
			}
		}
		for _, uri := range strings.Fields(f["uris"]) {
			for _, suite := range strings.Fields(f["suites"]) {
				out = append(out, source{options, uri, suite, strings.Fields(f["components"])})
			}
		}
	}
	return out
}

// deb822Fields reads one stanza: field names in lower case, continuation lines joined.
func deb822Fields(stanza string) map[string]string {
	fields, last := map[string]string{}, ""
	for line := range strings.Lines(stanza) {
		switch {
		case strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t"):
			fields[last] += " " + strings.TrimSpace(line)
		default:
			name, value, _ := strings.Cut(line, ":")
			last = strings.ToLower(strings.TrimSpace(name))
			fields[last] = strings.TrimSpace(value)
		}
	}
	return fields
}

// aptTransport keeps of "apt-config dump Acquire" what says how archives are reached: proxies, certificates, checks.
func aptTransport(dump string) string {
	var out strings.Builder
	for line := range strings.Lines(dump) {
		for _, prefix := range []string{"http::", "https::", "Check-", "Retries", "ForceIPv"} {
			if strings.HasPrefix(line, "Acquire::"+prefix) {
				out.WriteString(line)
			}
		}
	}
	return out.String()
}

// osRelease gives the value of one variable of os-release(5), "" when it is not set.
func osRelease(text, name string) string {
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+"="); ok {
			return strings.Trim(strings.TrimSpace(value), `"'`)
		}
	}
	return ""
}
