package Test::LLMBatch::Proc;

# Copyright (C) The ngx_http_llm_batch_module authors

# The life of one nginx: start, reload, binary upgrade, death of workers.

use v5.36;

use Exporter qw/ import /;
use POSIX qw/ WNOHANG /;
use Time::HiRes qw/ sleep time /;

our @EXPORT_OK = qw/ poll slurp /;


# wanted: binary, dir, conf (the text of nginx.conf), slow

sub new($class, %o) {
	my $self = bless { test => $$, killed => {}, %o }, $class;

	$self->{workers} = _worker_processes($o{conf});
	$self->{daemon} = $o{conf} =~ /daemon\s+on/;

	return $self;
}

sub _worker_processes($conf) {
	return $conf =~ /worker_processes\s+(\d+)/ ? $1 : 1;
}

# what the condition returned, or 0 after so many seconds

sub poll($cond, $seconds) {
	my $end = time() + $seconds;

	while (1) {
		my $rc = $cond->();
		return $rc if $rc;
		return 0 if time() > $end;
		sleep 0.005;
	}
}

sub wait_for($self, $cond, $seconds = 5) {
	return poll($cond, $seconds * $self->{slow});
}

sub command($self, @args) {
	return ($self->{binary}, '-p', "$self->{dir}/", '-c', 'nginx.conf',
		'-e', 'error.log', @args);
}

# returns when the workers serve

sub start($self) {
	defined(my $pid = fork()) or die "fork: $!";

	if ($pid == 0) {
		open STDOUT, '>', "$self->{dir}/stderr.log";
		open STDERR, '>&', \*STDOUT;
		local $ENV{LD_PRELOAD} = $self->{preload} if $self->{preload};
		exec $self->command() or POSIX::_exit(127);
	}

	$self->{child} = $pid;

	my $up = $self->wait_for(sub {
		return -1 if waitpid($pid, WNOHANG) == $pid
			and (!$self->{daemon} or $? != 0);
		$self->{pid} = $self->_pidfile() or return 0;
		return $self->workers() == $self->{workers};
	}, 10);

	return 1 if $up == 1;

	$self->stop();
	die "nginx did not start:\n" . slurp("$self->{dir}/stderr.log")
		. join '', grep { /\[emerg\]/ }
			split /^/, slurp("$self->{dir}/error.log");
}

# the configuration test alone: exit code and output

sub check($self) {
	my $out = "$self->{dir}/check.out";
	defined(my $pid = fork()) or die "fork: $!";

	if ($pid == 0) {
		open STDOUT, '>', $out;
		open STDERR, '>&', \*STDOUT;

		# nginx frees nothing if the configuration is refused

		$ENV{ASAN_OPTIONS} = join ':', $ENV{ASAN_OPTIONS} // (),
			'detect_leaks=0';
		exec $self->command('-t') or POSIX::_exit(127);
	}

	waitpid $pid, 0;

	return $? & 127 ? 128 + ($? & 127) : $? >> 8, slurp($out);
}

# 0 would be the group of the test itself

sub signal($self, $signal, $pid = $self->{pid}) {
	die "no process to signal\n" unless $pid;
	return kill $signal, $pid;
}

# pids of the workers that serve; with "all" also those that are starting,
# or shutting down; under valgrind no process can change its title, and all
# of them count

sub workers($self, $all = 0) {
	my $pid = $self->{pid};
	my $kids = slurp("/proc/$pid/task/$pid/children");

	return grep {
		slurp("/proc/$_/cmdline") =~ ($all ? qr/nginx: |valgrind/
			: qr/(?:nginx|angie): worker process(?! is shutting)|valgrind/)
	} split ' ', $kids;
}

# returns when the old workers are gone; wait => 0: when the new ones serve

sub reload($self, $conf, %o) {
	my %old = map { $_ => 1 } $self->workers();

	$self->{workers} = _worker_processes($conf);

	$self->signal('HUP');

	return $self->wait_for(sub {
		my @new = grep { !$old{$_} } $self->workers();
		return 0 if @new < $self->{workers};
		return 1 unless $o{wait} // 1;
		return !grep { $old{$_} } $self->workers(1);
	}, $o{timeout} // 10);
}

# USR2, WINCH and QUIT; needs "daemon on"; "meanwhile" runs with both there.
# May be called in a process of its own, while this one is a client

sub upgrade($self, $meanwhile = sub {}) {
	my $old = $self->{pid};

	die "upgrade: needs a configuration with 'daemon on'\n"
		unless $self->{daemon};

	$self->signal('USR2');
	$self->wait_for(sub {
		$self->{pid} = $self->_pidfile();
		return $self->{pid} && $self->{pid} != $old
			&& $self->workers() == $self->{workers};
	}, 10) or return 0;

	$meanwhile->();

	my $new = $self->{pid};
	local $self->{pid} = $old;

	kill 'WINCH', $old;
	$self->wait_for(sub {
		!grep { $_ != $new } $self->workers(1)
	}, 10) or return 0;

	kill 'QUIT', $old;
	return $self->wait_for(sub { _gone($old) }, 10);
}

# returns when another worker has taken the place

sub kill9($self, $worker) {
	$self->signal('KILL', $worker);
	$self->{killed}{$worker} = 1;

	return $self->wait_for(sub {
		my @now = $self->workers();
		return @now == $self->{workers} && !grep { $_ == $worker } @now;
	});
}

sub quit($self, $seconds = 10) { return $self->_end('QUIT', $seconds) }

sub stop($self) {
	return $self->_end('TERM', 5) || $self->_end('KILL', 5);
}

# not ended by the test

sub started($self) { return $self->{child} }

sub running($self) {
	$self->{pid} = $self->_pidfile() || $self->{pid} if $self->{daemon};
	return $self->{pid} && !_gone($self->{pid});
}

sub _end($self, $signal, $seconds) {
	$self->running();

	my $pid = $self->{pid} || $self->{child} || return 1;
	my $old = slurp("$self->{dir}/nginx.pid.oldbin");

	# an upgrade that was not finished

	kill $signal, $old + 0 if $old and $signal ne 'QUIT';

	my @kids = $signal eq 'KILL' ? $self->workers(1) : ();
	kill $signal, $pid, @kids;

	$self->wait_for(sub {
		waitpid $self->{child}, WNOHANG;
		return _gone($pid);
	}, $seconds) or return 0;

	delete @$self{qw/ pid child /};
	return 1;
}

sub _pidfile($self) {
	return slurp("$self->{dir}/nginx.pid") =~ /^(\d+)\n/ ? $1 : 0;
}

sub _gone($pid) {
	my $stat = slurp("/proc/$pid/stat");
	return $stat eq '' || $stat =~ /\) [ZX] /;
}

sub slurp($name) {
	open my $fh, '<', $name or return '';
	local $/;
	return <$fh> // '';
}

sub DESTROY($self) {
	local $?;
	$self->stop() if $$ == $self->{test};
}

1;
