package Test::LLMBatch::Inject;

# Copyright (C) The ngx_http_llm_batch_module authors

# Has calls of libc fail in nginx's workers, by the library t/inject, which is
# loaded before libc: see there for the names.

use v5.36;

my @names = qw/ malloc memalign socket connect epoll_ctl writev recv write
	master_eventfd /;


# before nginx is started, which then has the library

sub new($class, $t) {
	my $self = bless { file => $t->dir() . '/inject' }, $class;

	$t->write_file('inject', "\0" x 4096);
	chmod 0666, $self->{file};

	$ENV{LLMB_INJECT} = $self->{file};
	$t->preload($ENV{TEST_NGINX_INJECT});

	return $self;
}

# from now on: name => probability, or [ probability, min, max, last ], min and
# max of the size (of a socket: its domain), until as many have failed as "last"
# says, if it is there

sub set($self, %o) {
	my $text = join '', map {
		"$_ @{[ ref $o{$_} ? @{$o{$_}} : $o{$_} ]}\n"
	} sort keys %o;

	open my $fh, '+<', $self->{file} or die "open: $!";
	syswrite $fh, pack('a2048', $text);
}

# how many have failed so far

sub count($self, $name) {
	my %at = map { $names[$_] => $_ } 0 .. $#names;

	open my $fh, '<', $self->{file} or die "open: $!";
	sysseek $fh, 2048 + 8 * ($at{$name} // die "no $name\n"), 0;
	sysread $fh, my $n, 8;

	return unpack 'Q', $n;
}

1;
