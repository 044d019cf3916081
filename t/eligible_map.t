#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards that what the configuration makes of the name of a header's variable
# counts, even if a request does not have the header: the default of
# llm_batch_task is that variable.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;

my $t = Test::LLMBatch->new('a variable named as a header')
	->has(qw/ llm_batch http_map /);

$t->conf(<<'EOF', http => <<'HTTP');
llm_batch zone=llm;

location / {
    proxy_pass http://backend;
    add_header X-Task "$llm_batch_task $llm_batch_status";
}
EOF
map $http_user_agent $http_x_llm_task {
    default  other;
    mapped   index;
}
HTTP

$t->backend();
$t->run();

for my $agent (qw/ mapped none /) {
	my $r = $t->request({ uri => '/v1/embeddings',
		headers => { 'User-Agent' => $agent },
		body => { model => 'm', input => 'text' } });

	is($r->{headers}{'x-task'}, ($agent eq 'mapped' ? 'index' : 'other')
		. ' SINGLE', "the task of $agent");
}

$t->done();
