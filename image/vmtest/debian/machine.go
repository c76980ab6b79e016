package debian

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
)

// machine is what a system takes over from the machine that it is made on.
type machine struct {
	codename string   // of the Debian release, e.g. "bookworm"
	sources  []string // files of sources.list(5) that name the release's archives
	texts    []string // of these files
	aptConf  string   // apt.conf(5) lines on how to reach them
}

func thisMachine(ctx context.Context) (machine, error) {
	if os.Geteuid() != 0 {
		return machine{}, errors.New("making it needs root: run the tests as root or with sudo")
	}
	for program, pkg := range map[string]string{"mmdebstrap": "mmdebstrap", "mke2fs": "e2fsprogs"} {
		if _, err := exec.LookPath(program); err != nil {
			return machine{}, fmt.Errorf("%s is missing: apt-get install %s", program, pkg)
		}
	}
	release, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return machine{}, fmt.Errorf("which Debian is this: %w", err)
	}
	conf, err := exec.CommandContext(ctx, "apt-config", "dump", "Acquire").Output()
	if err != nil {
		return machine{}, fmt.Errorf("apt-config dump: %w", err)
	}
	m := machine{codename: codename(string(release)), aptConf: transport(string(conf))}
	return m, m.findSources(os.DirFS("/etc/apt"), "/etc/apt")
}

// codename is the release's name in os-release(5), "" if it has none.
func codename(osRelease string) string {
	for line := range strings.Lines(osRelease) {
		if name, ok := strings.CutPrefix(line, "VERSION_CODENAME="); ok {
			return strings.Trim(strings.TrimSpace(name), `"'`)
		}
	}
	return ""
}

// findSources finds the files by which apt on this machine, /etc/apt as a file system in dir, knows Debian's
// archives for the release. They are given to mmdebstrap as they are, which reads both of their formats.
// Files that name only archives of others, whose suites ("bookworm-pgdg") or components ("stable") are called
// otherwise, are left out.
func (m *machine) findSources(etcApt fs.FS, dir string) error {
	suite := regexp.MustCompile(`(?m)^[^#\n]*\s` + regexp.QuoteMeta(m.codename) + `(-updates|-security)?\s`)
	component := regexp.MustCompile(`(?m)^[^#\n]*\smain\s`)
	for _, pattern := range []string{"sources.list", "sources.list.d/*.list", "sources.list.d/*.sources"} {
		names, err := fs.Glob(etcApt, pattern)
		if err != nil {
			return err
		}
		for _, name := range names {
			text, err := fs.ReadFile(etcApt, name)
			if err != nil {
				return err
			}
			if m.codename != "" && suite.Match(text) && component.Match(text) {
				m.sources, m.texts = append(m.sources, path.Join(dir, name)), append(m.texts, string(text))
			}
		}
	}
	if len(m.sources) == 0 {
		return fmt.Errorf("no archive of Debian %q with component main in %s/sources.list or %[2]s/sources.list.d: "+
			"the packages come from the mirrors that apt on this machine uses", m.codename, dir)
	}
	return nil
}

// transport keeps of "apt-config dump Acquire" what says how archives are reached: proxies, certificates,
// checks.
func transport(dump string) string {
	ways := []string{"http::", "https::", "Check-", "Retries", "ForceIPv"}
	var out strings.Builder
	for line := range strings.Lines(dump) {
		key := strings.TrimPrefix(line, "Acquire::")
		if slices.ContainsFunc(ways, func(way string) bool { return strings.HasPrefix(key, way) }) {
			out.WriteString(line)
		}
	}
	return out.String()
}
