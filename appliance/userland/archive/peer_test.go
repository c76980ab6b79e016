package archive_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/userland/archive"
)

// fill makes a few files.
const fill = `umask 022; mkdir -p dir/sub; echo alpha >a; echo beta >b; echo in >dir/f; echo deep >dir/sub/g; : >other
touch -d @1700000000 a b dir/f dir/sub/g other dir/sub dir; `

// shell runs a line with commands from a directory before those of the system, and returns what it printed,
// how it ended, and the files that there are then.
func shell(t *testing.T, bin, line string) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "/bin/dash", "-c", fill+line)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + bin + ":/usr/bin:/bin", "LC_ALL=C", "TZ=UTC0"}
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		out.WriteString("fails\n")
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		out.WriteString(strings.TrimPrefix(path, dir) + " " + info.Mode().String() + "\n")
		if info.Mode().IsRegular() && !strings.HasSuffix(path, ".tar") {
			text, err := os.ReadFile(path)
			out.Write(text)
			return err
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("$ %s\n%s", line, &complaint)
	return out.String()
}

// ours is a directory with the room's commands.
func ours(t *testing.T) string {
	t.Helper()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	for name := range archive.Commands() {
		if err := os.Symlink(own, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	return bin
}

// TestPeers: where Debian's busybox has no such option, GNU's tar and cpio are the peers.
func TestPeers(t *testing.T) {
	for _, name := range []string{"tar", "cpio"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Fatalf("%s is missing: apt-get install %s", name, name)
		}
	}
	bin := ours(t)
	for line := range strings.Lines(`
printf 'a\nb\n' >list; tar cf t.tar -T list; tar tf t.tar
printf 'a\ndir/sub\n' >list; tar cf t.tar -T list; tar tf t.tar
printf 'a\n' | tar cf t.tar -T -; tar tf t.tar
printf 'a\n' >list; printf 'b\n' >list2; tar cf t.tar -T list -T list2; tar tf t.tar
tar cf t.tar -T missing; rm -f t.tar
printf 'f\n' >list; tar cf t.tar -X list dir; tar tf t.tar | sort
tar cf t.tar --exclude f dir; tar tf t.tar | sort
tar cf t.tar --exclude=f dir; tar tf t.tar | sort
tar cf t.tar --exclude sub dir; tar tf t.tar | sort
tar cf t.tar --exclude sub/g dir; tar tf t.tar | sort
tar cf t.tar --exclude 'dir/*' dir; tar tf t.tar | sort
tar cf t.tar --exclude '*' a b; tar tf t.tar | sort
tar cf t.tar --exclude '?' a b dir; tar tf t.tar | sort
tar cf t.tar --exclude '[a-b]' a b dir; tar tf t.tar | sort
tar cf t.tar --exclude '[!a]' a b dir; tar tf t.tar | sort
tar cf t.tar --exclude '[^a]' a b dir; tar tf t.tar | sort
tar cf t.tar --exclude '\a' a b dir; tar tf t.tar | sort
tar cf t.tar --exclude '/a' a b; tar tf t.tar | sort
tar cf t.tar --exclude 'd*r' dir b; tar tf t.tar | sort
tar cf t.tar --exclude 'd*g' dir b; tar tf t.tar | sort
tar cf t.tar --exclude 'd*u*g' dir b; tar tf t.tar | sort
tar cf t.tar --exclude a --exclude b a b other; tar tf t.tar | sort
tar cf t.tar a b dir/sub; tar tf t.tar --exclude a
tar cf t.tar a b dir/sub; tar tf t.tar --exclude dir/sub
tar cf t.tar a b dir/sub; tar tf t.tar --exclude sub
tar cf t.tar a b dir/sub; tar tf t.tar --exclude '*'
tar cf t.tar a b dir/sub; echo a >x; tar tf t.tar -X x
tar cf t.tar a b dir/sub; echo a >x; tar tf t.tar -T x
tar cf t.tar a b; tar xf t.tar -C dir --exclude a
tar cf t.tar dir; rm -r dir; tar xf t.tar; stat -c '%n %Y %a' dir dir/sub dir/f
chmod 500 dir; tar cf t.tar dir; rm -r dir; tar xf t.tar; stat -c '%n %Y %a' dir dir/sub dir/f
ln -s .. dir/back; tar chf t.tar dir; tar tf t.tar >x; grep -c . <x >/dev/null; rm x
mkdir to; printf 'a\nb\ndir\ndir/f\n' | cpio -p to
mkdir to; printf 'dir/sub/g\n' | cpio -pd to
printf 'dir/sub/g\n' | cpio -pd to/there
printf 'dir/sub/g\n' | cpio -p
printf 'dir/sub/g\n' | cpio -p a
mkdir to; printf 'a\n' | cpio -pm to; stat -c %Y to/a
mkdir to; echo new >to/a; printf 'a\n' | cpio -p to; cat to/a
mkdir to; echo new >to/a; printf 'a\n' | cpio -pu to; cat to/a
mkdir to; echo a | cpio -p --quiet to
mkdir to; ln -s a l; echo l | cpio -p to; readlink to/l
mkdir to; ln -s a l; echo l | cpio -pL to; stat -c %F to/l
mkdir to; ln a c; printf 'a\nc\n' | cpio -p to; stat -c %h to/a to/c
mkdir to; printf 'a\0b\0' | cpio -p0 to
mkdir to; find dir | sort | cpio --pass-through to
printf 'a\nb\ndir\n' | cpio -o -H newc --quiet >x.tar; rm -r a b dir; cpio -i --quiet <x.tar
printf 'a\nb\ndir\n' | cpio -o -H newc --quiet >x.tar; cpio -t --quiet <x.tar
ln a c; printf 'a\nc\n' | cpio -o -H newc --quiet >x.tar; cpio -t --quiet <x.tar | sort; rm a c; cpio -i --quiet <x.tar; stat -c %h a c
`) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if got, want := shell(t, bin, line), shell(t, t.TempDir(), line); got != want {
			t.Errorf("$ %s\nours:\n%s\nGNU's:\n%s", line, got, want)
		}
	}
}
