package image

import (
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/image/ext2"
	"github.com/gatehouse-os/gatehouse/site/bundle"
)

var update = flag.Bool("update", false, "write the golden files anew")

// examples has the reference sites.
const examples = "../examples/"

// homeInput is an image of the first reference site with programs that are none.
func homeInput(t *testing.T) Input {
	t.Helper()
	return exampleInput(t, "home")
}

func exampleInput(t *testing.T, name string) Input {
	t.Helper()
	s, files, err := bundle.Read(os.DirFS(examples+name), nil)
	if err != nil {
		t.Fatal(err)
	}
	return Input{
		Site: s, SiteFiles: files, E2fsck: []byte("the checker"), Version: "v1.2-3-g0123456789ab",
		Programs: []Program{
			{"gatehouse", []byte("the network"), []string{"ip", "poweroff"}},
			{"userland", []byte("the shell"), []string{"ls", "sh"}},
		},
	}
}

func homeTree(t *testing.T) []ext2.Node {
	t.Helper()
	return exampleTree(t, "home")
}

func exampleTree(t *testing.T, name string) []ext2.Node {
	t.Helper()
	tree, err := Tree(exampleInput(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func content(t *testing.T, n ext2.Node) string {
	t.Helper()
	r, err := n.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	all, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(all)
}

// The golden files are the trees as an engineer would look at them: every node, and what is in the files of
// /etc that the image itself writes.
func TestTreeGolden(t *testing.T) {
	for _, name := range []string{"home", "office"} {
		compareGolden(t, "testdata/"+name+".txt", treeText(t, exampleTree(t, name)))
	}
}

func treeText(t *testing.T, tree []ext2.Node) string {
	t.Helper()
	var list, files strings.Builder
	slices.SortFunc(tree, func(a, b ext2.Node) int { return strings.Compare(a.Path, b.Path) })
	for _, n := range tree {
		fmt.Fprintf(&list, "%-11s %d:%d %s", n.Mode, n.UID, n.GID, path.Join("/", n.Path))
		switch {
		case n.Mode&fs.ModeSymlink != 0:
			list.WriteString(" -> " + n.Link)
		case n.Mode&fs.ModeDevice != 0:
			fmt.Fprintf(&list, " %d:%d", n.Major, n.Minor)
		case n.Mode.IsRegular() && path.Dir(n.Path) == "etc":
			fmt.Fprintf(&files, "\n==> /%s\n%s", n.Path, content(t, n))
		}
		list.WriteByte('\n')
	}
	return list.String() + files.String()
}

func compareGolden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("differs from %s (go test -update writes it anew):\n%s", name, got)
	}
}

// What holds for every tree, whatever is in it.
func TestTreeRules(t *testing.T) {
	for name, files := range map[string][]string{
		"home":   {"site.toml", "hosts", "ethers", "authorized_keys"},
		"office": {"site.toml", "hosts", "ethers", "authorized_keys", "blocked.list"},
	} {
		t.Run(name, func(t *testing.T) { treeRules(t, name, files) })
	}
}

func treeRules(t *testing.T, example string, files []string) {
	tree := exampleTree(t, example)
	byPath := map[string]ext2.Node{}
	for _, n := range tree {
		if _, twice := byPath[n.Path]; twice {
			t.Errorf("%s is in the tree twice", n.Path)
		}
		byPath[n.Path] = n
	}
	for _, n := range tree {
		if n.UID != 0 || n.GID != 0 {
			t.Errorf("%s belongs to %d:%d, not to root", n.Path, n.UID, n.GID)
		}
		if n.Mode.IsRegular() && n.Mode&0o022 != 0 || n.Mode.IsDir() && n.Mode&0o022 != 0 && n.Mode&fs.ModeSticky == 0 {
			t.Errorf("%s can be written by others: %v", n.Path, n.Mode)
		}
		if n.Mode&(fs.ModeSetuid|fs.ModeSetgid) != 0 {
			t.Errorf("%s gives privilege away: %v", n.Path, n.Mode)
		}
		if strings.HasPrefix(n.Path, siteDir) && n.Mode.Perm()&0o077 != 0 {
			t.Errorf("%s is of the site and others than root can read it: %v", n.Path, n.Mode)
		}
		if n.Mode&fs.ModeSymlink != 0 && !strings.HasPrefix(n.Link, etcDir) && !strings.HasPrefix(n.Link, "/perm/") { // which init fills, and people
			target := n.Link
			if !path.IsAbs(target) {
				target = path.Join("/", path.Dir(n.Path), target)
			}
			if got, ok := byPath[strings.TrimPrefix(target, "/")]; !ok || !got.Mode.IsRegular() || got.Mode&0o111 == 0 {
				t.Errorf("%s does not lead to a program directly: %s", n.Path, n.Link)
			}
		}
	}
	for _, name := range files {
		want, err := os.ReadFile(examples + example + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if got := content(t, byPath[siteDir+"/"+name]); got != string(want) {
			t.Errorf("%s is not the site's: %q", name, got)
		}
	}
}

// With the kernel on the disk a boot loader finds it there, and the arguments that the domain would have
// given it.
func TestTreeWithKernel(t *testing.T) {
	in := homeInput(t)
	in.Kernel = []byte("the kernel")
	tree, err := Tree(in)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, n := range tree {
		if n.Mode.IsRegular() {
			files[n.Path] = content(t, n)
		}
	}
	want := `set timeout=0
menuentry 'firewall' {
	linux /boot/vmlinuz root=/dev/xvda ro console=hvc0 quiet gatehouse.perm=disk
}
`
	if files["boot/grub/grub.cfg"] != want || files["boot/vmlinuz"] != "the kernel" {
		t.Errorf("the menu is\n%s, want\n%s; the kernel is %q", files["boot/grub/grub.cfg"], want, files["boot/vmlinuz"])
	}
}

func TestTreeIncomplete(t *testing.T) {
	for what, leaveOut := range map[string]func(*Input){
		"without site or e2fsck":                         func(in *Input) { in.Site = nil },
		"an input without site or":                       func(in *Input) { in.SiteFiles = nil },
		"without the program gatehouse":                  func(in *Input) { in.Programs = in.Programs[1:] },
		"userland is empty":                              func(in *Input) { in.Programs[1].Content = nil },
		"ip is a name of both gatehouse and userland":    func(in *Input) { in.Programs[1].Commands[0] = "ip" },
		"userland is a name of both gatehouse and userl": func(in *Input) { in.Programs[0].Commands[0] = "userland" },
		"site or e2fsck":                                 func(in *Input) { in.E2fsck = nil },
	} {
		in := homeInput(t)
		leaveOut(&in)
		if _, err := Tree(in); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, want %s", err, what)
		}
	}
}

func TestSiteNodesInDirectories(t *testing.T) {
	var got []string
	for _, n := range siteNodes(map[string][]byte{"site.toml": nil, "keys/a/b": nil, "keys/c": nil}) {
		got = append(got, n.Mode.String()+" "+n.Path)
	}
	want := []string{
		"drwx------ etc/gatehouse/site/keys/a", "drwx------ etc/gatehouse/site/keys", "drwx------ etc/gatehouse/site",
		"-rw------- etc/gatehouse/site/keys/a/b", "-rw------- etc/gatehouse/site/keys/c", "-rw------- etc/gatehouse/site/site.toml",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
