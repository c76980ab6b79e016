// Package text has the commands that read text and bytes and write them: as they are, in part, sorted,
// counted, in other codes. That they do what busybox's do is guaranteed by the test, for the command lines in
// testdata/busybox. Text is bytes; where busybox knows UTF-8, and LC_ALL, LC_CTYPE or LANG says so, it is
// UTF-8.
package text
