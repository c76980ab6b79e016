package kernel

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

//go:embed config/*.config
var fragmentFiles embed.FS

// notSet is how a .config says that an option is off. Its line is a comment.
const notSet = "is not set"

// option is one line of the fragment: a kernel option and the value it must have.
type option struct {
	name  string // with CONFIG_
	value string // y, a number, a quoted string; or notSet
	place string // file:line
}

// line is the option as a .config spells it.
func (o option) line() string {
	if o.value == notSet {
		return "# " + o.name + " " + notSet
	}
	return o.name + "=" + o.value
}

// parseConfig reads the lines of a fragment or of a .config. Every line is an option, a comment or empty.
func parseConfig(file, text string) ([]option, error) {
	var options []option
	for i, line := range strings.Split(text, "\n") {
		place := fmt.Sprintf("%s:%d", file, i+1)
		line = strings.TrimSpace(line)
		name, value, isSet := strings.Cut(line, "=")
		switch {
		case strings.HasPrefix(line, "# CONFIG_") && strings.HasSuffix(line, " "+notSet):
			name = strings.TrimSuffix(strings.TrimPrefix(line, "# "), " "+notSet)
			options = append(options, option{name, notSet, place})
		case line == "" || strings.HasPrefix(line, "#"):
		case isSet && strings.HasPrefix(name, "CONFIG_") && value != "":
			options = append(options, option{name, value, place})
		default:
			return nil, fmt.Errorf("%s: %q is neither CONFIG_NAME=value, nor \"# CONFIG_NAME is not set\", nor a comment", place, line)
		}
	}
	return options, nil
}

// version is the part of a kernel version on which the fragment may depend.
type version struct{ major, minor int }

func (v version) less(w version) bool {
	return v.major < w.major || v.major == w.major && v.minor < w.minor
}

// parseVersion reads the start of a version: "6.1", "6.12.117".
func parseVersion(s string) (version, bool) {
	fields := strings.SplitN(s, ".", 3)
	if len(fields) < 2 {
		return version{}, false
	}
	major, errMajor := strconv.Atoi(fields[0])
	minor, errMinor := strconv.Atoi(fields[1])
	return version{major, minor}, errMajor == nil && errMinor == nil
}

// selectFragments returns the names of the fragment files that apply to kernel v, sorted.
// NAME.config always applies. Of the files NAME-MAJOR.MINOR.config with the same NAME only the one with
// the highest version that is not above v does: options change their names from one kernel to the next.
func selectFragments(names []string, v version) []string {
	type choice struct {
		since version
		file  string
	}
	best := map[string]choice{}
	for _, file := range names {
		base := strings.TrimSuffix(path.Base(file), ".config")
		since := version{}
		if name, suffix, ok := strings.Cut(base, "-"); ok {
			if s, ok := parseVersion(suffix); ok {
				base, since = name, s
			}
		}
		if old, ok := best[base]; !v.less(since) && (!ok || old.since.less(since)) {
			best[base] = choice{since, file}
		}
	}
	var files []string
	for _, c := range best {
		files = append(files, c.file)
	}
	slices.Sort(files)
	return files
}

// readFragment returns the options for kernel v from the fragment files in fsys, in the order of the files.
func readFragment(fsys fs.FS, v version) ([]option, error) {
	names, err := fs.Glob(fsys, "config/*.config")
	if err != nil {
		return nil, err
	}
	var all []option
	for _, file := range selectFragments(names, v) {
		options, err := readFragmentFile(fsys, file)
		if err != nil {
			return nil, err
		}
		all = append(all, options...)
	}
	return all, repeated(all)
}

func readFragmentFile(fsys fs.FS, file string) ([]option, error) {
	text, err := fs.ReadFile(fsys, file)
	if err != nil {
		return nil, err
	}
	return parseConfig(path.Base(file), string(text))
}

// repeated is an error if an option stands in the fragment twice: the later line would silently win.
func repeated(options []option) error {
	seen := map[string]string{}
	for _, o := range options {
		if first, ok := seen[o.name]; ok {
			return fmt.Errorf("%s: %s is already set at %s", o.place, o.name, first)
		}
		seen[o.name] = o.place
	}
	return nil
}

// Mismatch is a line of the fragment that is not in the kernel's final configuration.
type Mismatch struct {
	Place  string // file:line of the fragment
	Option string // with CONFIG_
	Want   string // as in the fragment: y, a number, a quoted string, "is not set"
	Got    string // as in the configuration; empty: the configuration does not mention the option
}

func (m Mismatch) String() string {
	got := m.Got
	switch {
	case got == "":
		got = "nothing (this kernel does not have the option, or one that it depends on is off)"
	case got == notSet:
		got += " (another option of the same choice may be taken)"
	}
	return fmt.Sprintf("%s: %s: wanted %s, got %s", m.Place, m.Option, m.Want, got)
}

// FragmentError says that the kernel's configuration is not what the fragment asked for.
type FragmentError []Mismatch

func (e FragmentError) Error() string {
	lines := []string{fmt.Sprintf("%d of the kernel options asked for in image/kernel/config did not take effect:", len(e))}
	for _, m := range e {
		lines = append(lines, m.String())
	}
	return strings.Join(lines, "\n  ")
}

// compare returns a FragmentError unless every option of the fragment stands in config, the text of a
// .config. kconfig drops what it cannot satisfy without a word, so this is the only notice of a missing
// dependency.
func compare(fragment []option, config string) error {
	final, err := parseConfig(".config", config)
	if err != nil {
		return err
	}
	got := map[string]string{}
	for _, o := range final {
		got[o.name] = o.value
	}
	var wrong FragmentError
	for _, o := range fragment {
		value := got[o.name]
		absent := value == "" || value == notSet
		if value != o.value && !(o.value == notSet && absent) {
			wrong = append(wrong, Mismatch{o.place, o.name, o.value, value})
		}
	}
	if len(wrong) > 0 {
		return wrong
	}
	return nil
}
