package Test::LLMBatch::Server::Gemini;

# Copyright (C) The ngx_http_llm_batch_module authors

# :embedContent and :batchEmbedContents of Gemini.  Requests of a batch name
# the model, each as the path does, and have parameters of their own; a batch
# has 100 at most.  Answers and errors are pretty-printed.

use v5.36;

use parent 'Test::LLMBatch::Server';

use Test::LLMBatch::JSON;
use Test::LLMBatch::Server qw/ js seed texts_of tokens_of vector /;

my $max_items = 100;


sub _batch($self) { return $self->{path} =~ /:batchEmbedContents$/ }
sub _model($self) { return $self->{path} =~ m!(models/[^/:]+):! ? $1 : '' }

# all of a request is the item

sub items($self, $request) {
	return unless ref $request eq 'HASH';
	return ref $request->{content} eq 'HASH' ? $request : ()
		unless $self->_batch();
	return unless ref $request->{requests} eq 'ARRAY';
	return @{$request->{requests}};
}

sub tokens($self, $request) {
	return tokens_of(map { texts_of($_->{content}) }
		$self->items($request));
}

sub one($self, $request) {
	return { %$request } unless $self->_batch();
	return { %$request, requests => [ $request->{requests}[0] ] };
}

sub exact($self, $request) { return 0 }
sub counts($self) { return qw/ promptTokenCount totalTokenCount / }
sub usage_paths($self) { return 'usageMetadata' }

sub error($self, $status, $message) {
	my $word = $status == 429 ? 'RESOURCE_EXHAUSTED'
		: $status == 404 ? 'NOT_FOUND'
		: $status == 403 ? 'PERMISSION_DENIED'
		: $status >= 500 ? 'UNAVAILABLE' : 'INVALID_ARGUMENT';

	return pretty_json({ error => { code => $status,
		message => $message, status => $word } });
}

sub refuse($self, $request, $how) {
	my @items = $self->items($request);
	my $model = $self->_model();

	return 400, $self->error(400, '* BatchEmbedContentsRequest.requests:'
		. ' at most 100 requests can be in one batch' . "\n")
		if @items > $max_items;
	return 400, $self->error(400, '* BatchEmbedContentsRequest.requests[0]'
		. ".model: model is required to be specified\n")
		if $self->_batch()
		and grep { !defined $_->{model} } @items;
	return 400, $self->error(400, '* BatchEmbedContentsRequest.model must'
		. " match the model of each request\n")
		if grep { ($_->{model} // $model) ne $model } @items;
	return 400, $self->error(400, 'content is required')
		if grep { ref $_->{content} ne 'HASH' } @items;
	return;
}

sub answer($self, $request, $how) {
	my @items = $self->items($request);
	my @e = map { $_->[1] } $self->disturb($how,
		map { [ $_, $self->_vector($items[$_]) ] } 0 .. $#items);
	my $tokens = $self->tokens($request);
	my $usage = $self->{as} ne 'gemini_usage' ? ''
		: qq!,\n  "usageMetadata": {\n    "promptTokenCount": $tokens,\n!
			. qq!    "totalTokenCount": $tokens\n  }!;

	return "{\n  \"embedding\": " . ($e[0] =~ s/^  //mgr =~ s/^ +//r)
		. "$usage\n}\n" unless $self->_batch();
	return "{\n  \"embeddings\": [\n" . join(",\n", @e)
		. "\n  ]$usage\n}\n";
}

sub _vector($self, $item) {
	my %key = %$item;

	delete $key{model};

	my @v = vector(seed($self->_model(), \%key),
		$item->{outputDimensionality} || 6);

	return "    {\n      \"values\": [\n"
		. join(",\n", map { sprintf '        %.16f', $_ } @v)
		. "\n      ]\n    }";
}

# an embedding is not indented as deep alone as in a list

sub comparable($self, $text, $exact) {
	return $self->SUPER::comparable($text, $exact) =~ s/\s+//gr;
}

1;
