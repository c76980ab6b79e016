package userland

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// guard ends what hangs.
const guard = time.Minute

// The budgets for the programs in bytes. That of both together is that of the root disk, 33.95 MB (TestImage
// of mkimage), less 1.9 MB of e2fsck, 1 MB of journal, and 0.4 MB of the file system itself.
const (
	maxPrograms = 30_600_000
	maxUserland = 7_000_000 // every command of it has to be read from the disk, and to start
)

// built are the programs of this source tree with the links that the image has.
type built struct {
	dir   string
	names map[string][]string // by the program
}

func build(t *testing.T, source string) built {
	t.Helper()
	b := built{dir: t.TempDir()}
	var err error
	b.names, err = Build(t.Context(), Options{Source: source, Output: b.dir})
	if err != nil {
		t.Fatal(err)
	}
	for program, names := range b.names {
		for _, name := range names {
			if err := os.Symlink(program, filepath.Join(b.dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return b
}

func (b built) path(program string) string { return filepath.Join(b.dir, program) }

// run runs a command of the userland with nothing else in its PATH.
func (b built) run(t *testing.T, stdin, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), guard)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(b.dir, name), args...)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"PATH=" + b.dir, "HOME=/"}
	cmd.Stdin = strings.NewReader(stdin)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		t.Fatalf("%s %v hangs\n%s", name, args, out)
	}
	return string(out), err
}

func TestPrograms(t *testing.T) {
	if programs := os.Getenv(sandboxVariable); programs != "" {
		s := newSandbox(t, programs)
		s.run(s.names())
		return
	}
	b := build(t, "../..")
	t.Run("size", b.testSize)
	t.Run("division", b.testDivision)
	t.Run("build information", b.testBuildInfo)
	t.Run("every command starts", b.testStart)
	t.Run("asked for help, or for what it cannot, no command does anything", b.testAsked)
	t.Run("shell", b.testShell)
}

func (b built) testSize(t *testing.T) {
	size := map[string]int64{}
	for _, program := range programs() {
		info, err := os.Stat(b.path(program))
		if err != nil {
			t.Fatal(err)
		}
		size[program] = info.Size()
	}
	t.Logf("%v bytes", size)
	if all := size[Gatehouse] + size[Userland]; all > maxPrograms || size[Userland] > maxUserland {
		t.Errorf("%d bytes, the budget is %d; %d of them userland, its budget is %d", all, maxPrograms, size[Userland], maxUserland)
	}
}

// What needs a network is of gatehouse, and userland has nothing of one in it: each of its processes would
// have to set up what it does not use.
func (b built) testDivision(t *testing.T) {
	for program, names := range map[string][]string{
		Gatehouse: {"curl", "dig", "halt", "host", "hostname", "ip", "nc", "netstat", "nslookup", "ping", "poweroff", "scp", "ssh", "ssh-keygen", "tcpdump", "traceroute", "wget"},
		Userland:  {"cat", "grep", "head", "kill", "less", "ls", "more", "mount", "ps", "sh", "tail", "true"},
	} {
		for _, name := range names {
			if !slices.Contains(b.names[program], name) {
				t.Errorf("%s is no name of %s", name, program)
			}
		}
	}
	cmd := exec.Command(filepath.Join(b.dir, "true"))
	cmd.Env = []string{"GODEBUG=inittrace=1"}
	trace, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(trace, []byte("\ninit os @")) {
		t.Fatalf("expected a line for each package that is initialised: %v\n%s", err, trace)
	}
	for line := range strings.Lines(string(trace)) {
		pkg := strings.Fields(line)[1]
		if pkg == "net" || strings.HasPrefix(pkg, "net/") || strings.HasPrefix(pkg, "crypto/tls") {
			t.Errorf("true initialises %s", pkg)
		}
	}
}

// The programs know their modules, of which docs/dependencies.md has each with a reason, and no other; and
// nothing of the machine that built them.
func (b built) testBuildInfo(t *testing.T) {
	source, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	linked := map[string]string{} // programs by module, as the document has them
	for i, program := range programs() {
		info, err := buildinfo.ReadFile(b.path(program))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range info.Deps {
			linked[m.Path] = strings.TrimSpace(linked[m.Path] + " " + []string{"g", "u"}[i])
		}
		content, err := os.ReadFile(b.path(program))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(content, []byte(source)) {
			t.Errorf("%s stands in %s", source, program)
		}
	}
	const file = "docs/dependencies.md"
	explained := explained(t, filepath.Join(source, file))
	for module, in := range linked {
		if said, ok := explained[module]; !ok || said != "" && said != in {
			t.Errorf("%s is linked into %q; %s has %q: give it a row that says why", module, in, file, said)
		}
	}
	for module := range explained {
		if linked[module] == "" {
			t.Errorf("%s is not linked, and has a row in %s among those that are", module, file)
		}
	}
}

// explained returns the modules that the document says are on the appliance, and in which programs if it
// does.
func explained(t *testing.T, document string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	modules, heading := map[string]string{}, ""
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "## ") {
			heading = strings.TrimSpace(line)
		}
		cells := strings.Split(line, "|")
		switch {
		case !strings.HasPrefix(line, "| `"):
		case heading == "## On the appliance":
			modules[strings.Trim(cells[1], " `")] = ""
		case heading == "## Along with these, on the appliance":
			modules[strings.Trim(cells[1], " `")] = strings.TrimSpace(cells[2])
		}
	}
	if len(modules) < 10 {
		t.Fatalf("%s has %d modules: its headings are others", document, len(modules))
	}
	return modules
}

// A command that cannot even explain itself does not work in a binary with all others: a flag registered
// twice, a package variable that was not set. What it says is read on a console of 80 columns.
func (b built) testStart(t *testing.T) {
	mute := []string{"true", "false", "test"} // --help is an argument like another, as POSIX has it
	for _, name := range slices.Concat(b.names[Gatehouse], b.names[Userland]) {
		out, _ := b.run(t, "", name, "--help")
		if strings.Contains(out, "panic:") || strings.Contains(out, "goroutine ") || strings.Contains(out, "fatal error:") {
			t.Errorf("%s --help:\n%s", name, out)
		}
		if slices.Contains(mute, name) {
			if out != "" {
				t.Errorf("%s --help says something:\n%s", name, out)
			}
			continue
		}
		if name == "sh" { // may say first that it does not know --help, as ash does
			out = out[max(strings.Index(out, "usage: "), 0):]
		}
		if !strings.HasPrefix(out, "usage: "+name) || !strings.HasSuffix(out, "\n") {
			t.Errorf("%s --help begins or ends with something else than a usage line and a line's end:\n%s", name, out)
		}
		for line := range strings.Lines(out) {
			if line = strings.TrimRight(line, "\n"); utf8.RuneCountInString(line) > 80 || strings.Contains(line, "\t") {
				t.Errorf("%s --help has a line of more than 80 columns, or with a tab: %q", name, line)
			}
		}
	}
}

const script = `
echo "one two" | cat | wc -w
cat <<END | grep two
one $((20 + 1))
two $((6 * 7))
END
for i in $(seq 3); do echo $i; done | sort -r | head -n 1
mkdir -p a/b && echo x > a/b/c && cp a/b/c a/d && mv a/d a/e && ls a && rm -r a && ls
f() { local name=$1; case $name in w*) echo "$name ${#name}";; esac; }
f web1
false || echo "failed with $?"
(exit 3); echo $?
printf '%03d\n' 7 > f; read n < f; echo "[$n]"
test -f f -a ! -d f && basename "$(realpath f)"
find . -name f -type f | xargs wc -c
`

const scriptOutput = `2
two 42
3
b
e
web1 4
failed with 1
3
[007]
f
4 ./f
`

func (b built) testShell(t *testing.T) {
	for _, args := range [][]string{{}, {"-c", script}} {
		stdin := ""
		if len(args) == 0 {
			stdin = script
		}
		if out, err := b.run(t, stdin, "sh", args...); err != nil || out != scriptOutput {
			t.Errorf("sh %.3s: %v\n%s", args, err, out)
		}
	}
	if out, err := b.run(t, "", "sh", "-c", stubborn); err != nil || out != "alive\n" {
		t.Errorf("a command that is started ignoring SIGTERM: %v\n%s", err, out)
	}
	if _, err := b.run(t, "", "sh", "-c", "exit 7"); err == nil || err.Error() != "exit status 7" {
		t.Errorf("exit 7: %v", err)
	}
}

// stubborn ends a command by a signal that it ignores. It is there as soon as Go's runtime catches others,
// and the command ignores this one.
const stubborn = `trap '' TERM
sleep 60 &
until tr -d '\n' </proc/$!/status | grep -q 'SigIgn:.*4...SigCgt:.*[1-9a-f]'; do sleep 0.05; done
kill $!
sleep 0.1
kill -0 $! && echo alive
kill -KILL $!`

// Two copies of the source, in different places, with other times and permissions, give the same programs.
func TestReproducible(t *testing.T) {
	source := filepath.Join(t.TempDir(), "another", "place")
	copySource(t, "../..", source)
	first, second := build(t, "../.."), build(t, source)
	for _, program := range programs() {
		a, err := os.ReadFile(first.path(program))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(second.path(program))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%s differs: %d and %d bytes", program, len(a), len(b))
		}
	}
}

// copySource copies what belongs to the module.
func copySource(t *testing.T, from, to string) {
	t.Helper()
	root := os.DirFS(from)
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != "." || path == "build"):
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, path), 0o700)
		case !d.Type().IsRegular():
			return nil
		}
		content, err := fs.ReadFile(root, path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, path), content, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}
