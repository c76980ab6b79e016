//go:build !userland

package main

// uroot is empty in a build without the userland: the u-root commands are made into packages when the image
// is built (package image/userland), and come with the build tag userland.
func uroot() map[string]func() { return nil }
