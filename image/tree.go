package image

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"

	"github.com/gatehouse-os/gatehouse/image/ext2"
	"github.com/gatehouse-os/gatehouse/image/xen"
)

// siteDir is where the appliance finds its site. It is root's alone: a site can have secrets.
const siteDir = "etc/gatehouse/site"

// etcDir is where init keeps the files of /etc that follow from the site.
const etcDir = "/run/gatehouse/etc"

// initProgram is the program that is process 1.
const initProgram = "gatehouse"

// Tree returns every node of the root file system.
func Tree(in Input) ([]ext2.Node, error) {
	if in.Site == nil || len(in.SiteFiles) == 0 || len(in.E2fsck) == 0 {
		return nil, fmt.Errorf("image: an input without site or e2fsck")
	}
	programs, err := programNodes(in.Programs)
	if err != nil {
		return nil, err
	}
	return slices.Concat(
		directories(),
		devices(),
		programs,
		[]ext2.Node{
			ext2.File("sbin/e2fsck", 0o755, in.E2fsck),
			text("etc/hostname", in.Site.Name+"\n"),
			// What follows from the site that runs, init writes when it runs.
			ext2.Symlink("etc/hosts", etcDir+"/hosts"),
			ext2.Symlink("etc/resolv.conf", etcDir+"/resolv.conf"),
			text("etc/passwd", passwd()),
			text("etc/group", group()),
			text("etc/os-release", osRelease(in.Version)),
			text("etc/profile", profile),
		},
		siteNodes(in.SiteFiles),
		grub(in),
	), nil
}

// grub is what GRUB for Xen and pygrub need to start the appliance from its disk.
func grub(in Input) []ext2.Node {
	if len(in.Kernel) == 0 {
		return nil
	}
	menu := fmt.Sprintf("set timeout=0\nmenuentry '%s' {\n\tlinux /boot/vmlinuz %s\n}\n", in.Site.Name,
		xen.KernelArgs(true))
	return []ext2.Node{
		ext2.Dir("boot", 0o755),
		ext2.File("boot/vmlinuz", 0o644, in.Kernel),
		ext2.Dir("boot/grub", 0o755),
		text("boot/grub/grub.cfg", menu),
	}
}

func text(path, content string) ext2.Node { return ext2.File(path, 0o644, []byte(content)) }

// directories are those of the system; the second half are mount points and stay empty.
func directories() []ext2.Node {
	var nodes []ext2.Node
	for _, name := range []string{".", "bin", "sbin", "etc", "etc/gatehouse"} {
		nodes = append(nodes, ext2.Dir(name, 0o755))
	}
	for _, name := range []string{"proc", "sys", "dev", "run", "perm"} {
		nodes = append(nodes, ext2.Dir(name, 0o755))
	}
	// What ssh learns of other machines must last, and the root disk is read-only.
	return append(nodes, ext2.Dir("tmp", 0o777|fs.ModeSticky), ext2.Dir("root", 0o700),
		ext2.Symlink("root/.ssh", "/perm/ssh/client"))
}

// devices are for a kernel that does not mount devtmpfs by itself: without a console init could not complain.
func devices() []ext2.Node {
	const char = fs.ModeDevice | fs.ModeCharDevice
	return []ext2.Node{
		{Path: "dev/console", Mode: char | 0o600, Major: 5, Minor: 1},
		{Path: "dev/null", Mode: char | 0o666, Major: 1, Minor: 3},
	}
}

// programNodes are the programs, and links to them by all their other names: each looks at the name it is
// called by. The links lead to a program directly: through another link it would find that one's name. Those
// in sbin are where the kernel, and other systems, look for them.
func programNodes(programs []Program) ([]ext2.Node, error) {
	var nodes []ext2.Node
	of := map[string]string{} // which program a name is of
	for _, p := range programs {
		if len(p.Content) == 0 {
			return nil, fmt.Errorf("image: %s is empty", p.Name)
		}
		nodes = append(nodes, ext2.File("bin/"+p.Name, 0o755, p.Content))
		for _, name := range append([]string{p.Name}, p.Commands...) {
			if other, taken := of[name]; taken {
				return nil, fmt.Errorf("image: %s is a name of both %s and %s", name, other, p.Name)
			}
			of[name] = p.Name
			if name != p.Name {
				nodes = append(nodes, ext2.Symlink("bin/"+name, p.Name))
			}
		}
	}
	if of[initProgram] != initProgram {
		return nil, fmt.Errorf("image: an input without the program %s", initProgram)
	}
	for _, name := range []string{"init", "poweroff", "reboot", "usermode-helper"} {
		nodes = append(nodes, ext2.Symlink("sbin/"+name, "/bin/"+initProgram))
	}
	return nodes, nil
}

// siteNodes are the site's files, in directories of their own.
func siteNodes(files map[string][]byte) []ext2.Node {
	dirs := map[string]bool{}
	var nodes []ext2.Node
	for _, name := range slices.Sorted(maps.Keys(files)) {
		full := path.Join(siteDir, name)
		for dir := path.Dir(full); dir != path.Dir(siteDir) && !dirs[dir]; dir = path.Dir(dir) {
			dirs[dir] = true
			nodes = append(nodes, ext2.Dir(dir, 0o700))
		}
		nodes = append(nodes, ext2.File(full, 0o600, files[name]))
	}
	return nodes
}
