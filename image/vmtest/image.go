package vmtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Image is a built image, and the key with which to log in to it.
type Image struct {
	Dir    string
	Kernel string
	Root   string // the root disk, not to be written to: copy it (CopyDisk)
	Perm   string // an empty disk for /perm, likewise
	Key    string // of ssh, the private one; the image takes it besides the site's own
}

// Append is the kernel's command line for QEMU.
const Append = "root=/dev/vda ro console=ttyS0 quiet"

// BuildImage makes the image of the site directory in dir with mkimage, as make image does, with the kernel
// and what else takes long from the user's cache; options are further ones of mkimage. KERNEL and KERNEL_SRC
// in the environment mean what they mean to make.
func BuildImage(ctx context.Context, dir, site string, options ...string) (Image, error) {
	img := Image{
		Dir:    dir,
		Kernel: filepath.Join(dir, "vmlinuz"),
		Root:   filepath.Join(dir, "firewall.ext2"),
		Perm:   filepath.Join(dir, "perm.ext2"),
		Key:    filepath.Join(dir, "key"),
	}
	site, err := filepath.Abs(site)
	if err != nil {
		return Image{}, err
	}
	source, err := sourceDir(ctx)
	if err != nil {
		return Image{}, err
	}
	keygen := exec.CommandContext(ctx, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "vmtest", "-f",
		img.Key)
	args := append([]string{"run", "./image/cmd/mkimage", "-site", site, "-authorized-keys", img.Key + ".pub",
		"-out", dir}, options...)
	for name, flag := range map[string]string{"KERNEL": "-kernel", "KERNEL_SRC": "-kernel-src"} {
		if value := os.Getenv(name); value != "" {
			args = append(args, flag, value)
		}
	}
	mkimage := exec.CommandContext(ctx, "go", args...)
	mkimage.Dir = source
	for _, cmd := range []*exec.Cmd{keygen, mkimage} {
		if out, err := cmd.CombinedOutput(); err != nil {
			return Image{}, fmt.Errorf("image of %s: %s: %w\n%s", site, strings.Join(cmd.Args, " "), err, out)
		}
	}
	return img, nil
}

// sourceDir is the directory of go.mod.
func sourceDir(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	file := strings.TrimSpace(string(out))
	if err != nil || file == os.DevNull || file == "" {
		return "", fmt.Errorf("not inside Gatehouse's source: go env GOMOD says %q (%v)", file, err)
	}
	return filepath.Dir(file), nil
}

// CopyDisk makes a copy of a disk image for one machine to write to; holes stay holes.
func CopyDisk(ctx context.Context, from, to string) error {
	if out, err := exec.CommandContext(ctx, "cp", "--reflink=auto", "--sparse=always", from,
		to).CombinedOutput(); err != nil {
		return fmt.Errorf("copy of a disk: %w: %s", err, out)
	}
	return nil
}
